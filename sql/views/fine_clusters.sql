-- fine_clusters: those of the retrain, with the current numbers of users.
create or replace view fine_clusters as
with changed as (
    select unnest(from_json(content, '{"fine_cluster": "INTEGER", "n_users": "INTEGER"}'))
    from overlay
    where name = 'fine_clusters'
)

select
    fine_clusters_retrained.fine_cluster,
    coalesce(changed.n_users, fine_clusters_retrained.n_users) as n_users,
    fine_clusters_retrained.cluster
from fine_clusters_retrained
left join changed using (fine_cluster)
