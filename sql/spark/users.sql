-- users: one row per user with favourites, and all interactions of that user: the blocks that workers read.
create or replace table users as
with users_with_favourites as (
    select distinct user_id from favourites
)

select
    interactions.user_id,
    list(
        {
            'movie_position': interactions.movie_position,
            'weight': interactions.weight,
            'seconds': interactions.seconds
        }
    ) as entries
from interactions
inner join users_with_favourites on interactions.user_id = users_with_favourites.user_id
group by interactions.user_id
