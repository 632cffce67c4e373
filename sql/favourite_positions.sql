-- favourite_positions: one row per favourite, as row and column of the incidence.
select
    user_positions.user_position,
    movie_positions.movie_position
from favourites
inner join user_positions using (user_id)
inner join movie_positions using (movie_id)
