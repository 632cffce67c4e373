-- fine_clusters: one row per fine cluster; recommendations are made of these.
-- fine_cluster: number of the fine cluster.
-- n_users: users in it.
-- cluster: the cluster of most of its users.
create or replace table fine_clusters as
select
    fine_cluster,
    count(*)::integer as n_users,
    mode(cluster order by cluster) as cluster
from user_clusters
group by fine_cluster
order by fine_cluster
