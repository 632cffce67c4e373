-- user_clusters: one row per new user, and per user without favourites left.
select
    changed_users.user_id,
    changed_users.is_new,
    new_users.cluster,
    new_users.fine_cluster,
    new_users.neighbours,
    new_users.weights,
    new_users.taste
from changed_users
left join new_users using (user_id)
order by changed_users.user_id
