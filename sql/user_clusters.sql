-- user_clusters: one row per user with favourites.
-- user_id: id of the user in the source.
-- cluster: the user's cluster, 0 is the largest.
-- cluster_before_merge: the cluster that k-means gave, in k-means' own numbers.
-- was_moved: whether the cluster that k-means gave was too small and merged into another.
-- fine_cluster: the user's fine cluster.
-- nearest_clusters: the fine clusters whose likes make the user's recommendations.
-- weights: the weight of each of nearest_clusters; they sum to 1.
-- taste: direction of the user's taste, to be compared with overall_favourites.taste; null if tastes are not used.
create or replace table user_clusters as
select
    user_id,
    cluster,
    cluster_before_merge,
    was_moved,
    fine_cluster,
    nearest_clusters::integer[] as nearest_clusters,
    weights::float[] as weights,
    taste::float[] as taste
from user_cluster_rows
