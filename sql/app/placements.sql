-- placements: one row per user from $first to $last with favourites at the retrain, by id, where they are placed.
select
    user_id,
    cluster,
    fine_cluster,
    neighbours,
    weights,
    taste
from user_clusters_retrained
where user_id between $first and $last
order by user_id
