-- user_clusters: one row per user with favourites.
-- user_id: id of the user in the source.
-- cluster: the user's cluster, 0 is the largest.
-- cluster_before_merge: the cluster that k-means gave, in k-means' own numbers.
-- was_moved: whether the cluster that k-means gave was too small and merged into another.
-- fine_cluster: the user's fine cluster.
-- neighbours: the fine clusters that the user's recommendations come from, nearest first.
-- weights: the weight of each neighbour; they sum to 1.
-- taste: direction of the user's taste, to be compared with overall_favourites.taste; null if tastes are not used.
create or replace table user_clusters (
    user_id integer,
    cluster integer,
    cluster_before_merge integer,
    was_moved boolean,
    fine_cluster integer,
    neighbours integer[],
    weights float[],
    taste float[]
)
