-- similar_movies: one row per movie, up to $n that are most similar to $movie_id, as the retrain found them.
select
    movie_id,
    rank,
    similarity
from similar_to($movie_id, n := $n)
