-- elbow: one row per number of clusters tried.
-- n_clusters: number of clusters, before merging.
-- wcss: sum of the squared distances of the users to their centroids, in the space that k-means ran in.
-- difference: decrease of wcss from one cluster fewer to this number.
-- quality: NDCG@10 on held-out favourites of a sample of users with this number of fine clusters, null where not
-- measured.
-- is_elbow: whether the elbow rule suggests this number.
-- is_chosen: whether the clusters were made with this number.
-- is_fine: whether the fine clusters were made with this number.
create or replace table elbow as
with measured as (
    select
        n_clusters,
        case when isnan(wcss) then null else wcss end as wcss,
        case when isnan(quality) then null else quality end as quality,
        is_elbow,
        is_chosen,
        is_fine
    from elbow_rows
)

select
    n_clusters,
    wcss,
    lag(wcss) over (order by n_clusters) - wcss as difference,
    quality,
    is_elbow,
    is_chosen,
    is_fine
from measured
order by n_clusters
