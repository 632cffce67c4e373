-- fine_cluster_movies: one row per fine cluster and movie whose counts changed.
with changes as (
    select
        fine_cluster,
        movie_id,
        sum(n_users) as n_users,
        sum(n_near) as n_near
    from evidence_changes
    group by all
    having sum(n_users) <> 0 or sum(n_near) <> 0
)

select
    changes.fine_cluster,
    changes.movie_id,
    (coalesce(fine_cluster_movies_retrained.n_users, 0) + changes.n_users)::integer as n_users,
    (coalesce(fine_cluster_movies_retrained.n_near, 0) + changes.n_near)::integer as n_near
from changes
left join fine_cluster_movies_retrained using (fine_cluster, movie_id)
order by changes.fine_cluster, changes.movie_id
