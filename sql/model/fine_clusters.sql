-- fine_clusters: one row per fine cluster; recommendations come from these.
-- fine_cluster: number of the fine cluster.
-- n_users: users in it.
-- cluster: the cluster of most of its users.
create or replace table fine_clusters as
with counts as (
    select
        fine_cluster,
        cluster,
        count(*) as n_users
    from user_clusters
    group by fine_cluster, cluster
),

ranked as (
    select
        fine_cluster,
        cluster,
        sum(n_users) over (partition by fine_cluster) as n_users,
        row_number() over (partition by fine_cluster order by n_users desc, cluster) as place
    from counts
)

select
    fine_cluster,
    n_users::integer as n_users,
    cluster
from ranked
where place = 1
order by fine_cluster
