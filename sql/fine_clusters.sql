-- fine_clusters: one row per fine cluster; recommendations are made of these.
-- fine_cluster: number of the fine cluster.
-- clustering: the clustering that it belongs to, 0 is the first; each holds every user once.
-- n_users: users in it.
-- cluster: the cluster of most of its users.
create or replace table fine_clusters as
with members as (
    select
        cluster,
        unnest(fine_clusters) as fine_cluster,
        unnest(range(len(fine_clusters))) as clustering
    from user_clusters
)

select
    fine_cluster,
    min(clustering)::integer as clustering,
    count(*)::integer as n_users,
    mode(cluster order by cluster) as cluster
from members
group by fine_cluster
order by fine_cluster
