-- movie_positions: one row per favourited movie, and the movie's column in the incidence, by ascending id.
create or replace temp view movie_positions as
select
    movie_id,
    (row_number() over (order by movie_id) - 1)::integer as movie_position
from (select distinct movie_id from favourites)
