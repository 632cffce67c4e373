-- cluster_movies: one row per cluster and movie whose count changed.
with changes as (
    select
        cluster,
        movie_id,
        sum(n_users) as n_users
    from evidence_changes
    group by all
    having sum(n_users) <> 0
)

select
    changes.cluster,
    changes.movie_id,
    (coalesce(cluster_movies_retrained.n_users, 0) + changes.n_users)::integer as n_users
from changes
left join cluster_movies_retrained using (cluster, movie_id)
order by changes.cluster, changes.movie_id
