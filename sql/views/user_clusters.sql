-- user_clusters: those of the retrain, without users whose last favourite was taken back, and with new users.
create or replace view user_clusters as
with changed as (
    select
        unnest(
            from_json(
                content,
                '{"user_id": "INTEGER", "is_new": "BOOLEAN", "cluster": "INTEGER", "fine_cluster": "INTEGER",
              "neighbours": ["INTEGER"], "weights": ["FLOAT"], "taste": ["FLOAT"]}'
            )
        )
    from overlay
    where name = 'user_clusters'
)

select
    user_clusters_retrained.user_id,
    user_clusters_retrained.cluster,
    user_clusters_retrained.cluster_before_merge,
    user_clusters_retrained.was_moved,
    user_clusters_retrained.fine_cluster,
    user_clusters_retrained.neighbours,
    user_clusters_retrained.weights,
    user_clusters_retrained.taste
from user_clusters_retrained
anti join changed using (user_id)
union all
select
    changed.user_id,
    changed.cluster,
    null::integer as cluster_before_merge,
    false as was_moved,
    changed.fine_cluster,
    changed.neighbours,
    changed.weights,
    changed.taste
from changed
where changed.is_new
