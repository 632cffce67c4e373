-- listed_movies: one row per movie, by its id, as a server holds them.
select
    movie_id,
    title,
    year,
    genres
from movies
order by movie_id
