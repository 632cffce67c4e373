-- overall_favourites: one row per movie whose counts changed.
with changes as (
    select
        movie_id,
        sum(n_users) as n_users,
        sum(n_near) as n_near
    from evidence_changes
    group by movie_id
    having sum(n_users) <> 0 or sum(n_near) <> 0
)

select
    changes.movie_id,
    (coalesce(overall_favourites_retrained.n_users, 0) + changes.n_users)::integer as n_users,
    (coalesce(overall_favourites_retrained.n_near, 0) + changes.n_near)::integer as n_near
from changes
left join overall_favourites_retrained using (movie_id)
order by changes.movie_id
