-- cluster_sizes: one row per cluster that users came to or left, and the users that it has now.
with moves as (
    select
        cluster,
        1 as n_more
    from new_users
    union all
    select
        user_clusters_retrained.cluster,
        -1 as n_more
    from user_clusters_retrained
    inner join changed_users using (user_id)
    where not changed_users.is_new
)

select
    clusters.cluster,
    (clusters.n_users + sum(moves.n_more))::integer as n_users
from clusters
inner join moves using (cluster)
group by clusters.cluster, clusters.n_users
order by clusters.cluster
