-- interaction_block: the interactions of the users from $first to $last.
select
    user_id,
    movie_position,
    weight,
    seconds
from interactions
where user_id between $first and $last
