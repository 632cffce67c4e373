-- placed_users: one row per user of some_users, whose ids are from $first to $last, with their place of now.
select
    user_id,
    cluster,
    fine_cluster,
    neighbours,
    weights,
    taste
from user_clusters
semi join some_users using (user_id)
where user_id between $first and $last
order by user_id
