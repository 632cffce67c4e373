-- users_to_place: one row per user whose first favourites came after the retrain.
select user_id
from changed_users
where is_new
order by user_id
