-- Every cluster has at least $min_cluster_size users.
select
    cluster,
    n_users
from clusters
where n_users < $min_cluster_size
