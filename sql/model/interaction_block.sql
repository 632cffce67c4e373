-- interaction_block: one row per interaction of the users with favourites whose ids are from $first to $last.
with users as (
    select distinct user_id
    from favourites
    where user_id between $first and $last
)

select
    interactions.user_id,
    interactions.movie_position,
    interactions.weight,
    interactions.seconds
from interactions
inner join users on interactions.user_id = users.user_id
