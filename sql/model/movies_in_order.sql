-- movies_in_order: one row per favourited movie, the most favourited first: the columns of the interactions.
select
    movie_id,
    n_users
from movie_positions
order by movie_position
