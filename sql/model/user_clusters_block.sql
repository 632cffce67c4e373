-- user_clusters_block: adds a block of users to user_clusters.
insert into user_clusters
select
    user_id,
    cluster,
    cluster_before_merge,
    was_moved,
    fine_cluster,
    neighbours::integer[] as neighbours,
    weights::float[] as weights,
    taste::float[] as taste
from user_cluster_rows
