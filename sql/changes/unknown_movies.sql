-- unknown_movies: one row per asked movie that is not in movies.
select movie_id
from asked_movies
anti join movies using (movie_id)
order by movie_id
