-- withheld_movies: one row per movie that is never recommended to anybody, see --available and --blocked.
-- movie_id: MovieLens id of the movie.
-- reason: blocked, or not available.
create or replace table withheld_movies as
select
    movie_id,
    reason::varchar as reason
from withheld_movie_rows
order by movie_id
