-- interaction_users: one row per user with favourites, by ascending id.
select distinct user_id
from favourites
order by user_id
