-- cluster_sizes: one row per cluster that users came to or left, and the users that it has now.
select
    clusters.cluster,
    (clusters.n_users + sum(moves.n_more))::integer as n_users
from clusters
inner join moves using (cluster)
group by clusters.cluster, clusters.n_users
order by clusters.cluster
