-- recommendations_of_users: one row per user in changed_users and rank.
from recommendations
where user_id in (select user_id from changed_users)
