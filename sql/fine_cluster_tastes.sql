-- fine_cluster_tastes: one row per fine cluster; new users are placed in the one whose taste is nearest to theirs.
-- fine_cluster: number of the fine cluster.
-- taste: mean of the tastes of its users; no row where tastes are not used.
create or replace table fine_cluster_tastes as
with parts as (
    select
        fine_cluster,
        unnest(taste) as part,
        generate_subscripts(taste, 1) as place
    from user_clusters
),

means as (
    select
        fine_cluster,
        place,
        avg(part) as part
    from parts
    group by all
)

select
    fine_cluster,
    list(part::float order by place) as taste
from means
group by fine_cluster
order by fine_cluster
