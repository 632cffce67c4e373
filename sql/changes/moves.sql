-- moves: one row per user who came to a cluster since the retrain (n_more 1), or left it (-1).
create or replace temp table moves as
select
    cluster,
    fine_cluster,
    1 as n_more
from new_users
union all
select
    user_clusters_retrained.cluster,
    user_clusters_retrained.fine_cluster,
    -1 as n_more
from user_clusters_retrained
inner join changed_users using (user_id)
where not changed_users.is_new
