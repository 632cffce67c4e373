-- fine_clusters: one row per fine cluster that users came to or left.
select
    fine_clusters_retrained.fine_cluster,
    (fine_clusters_retrained.n_users + sum(moves.n_more))::integer as n_users
from fine_clusters_retrained
inner join moves using (fine_cluster)
group by fine_clusters_retrained.fine_cluster, fine_clusters_retrained.n_users
order by fine_clusters_retrained.fine_cluster
