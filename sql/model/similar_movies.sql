-- similar_movies: one row per movie and rank, up to 20 movies that the same users and users of the same taste
-- favourited; none for a movie with fewer than two favourites.
-- movie_id: MovieLens id of the movie.
-- rank: 1 is the most similar; of equally similar ones the movie with more favourites comes first.
-- similar_movie_id: MovieLens id of the similar movie, which may be recommended; one of the 10,000 most favourited.
-- similarity: above 0, 1 at most: how often both are favourites of the same users, by how often each is, times exp(2.5
-- * (cosine of the tastes of their fans - 1)).
create or replace table similar_movies as
select
    movie_id,
    rank,
    similar_movie_id,
    similarity::float as similarity
from similar_movie_rows
order by movie_id, rank
