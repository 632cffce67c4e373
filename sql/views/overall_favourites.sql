-- overall_favourites: those of the retrain, with the current counts; movies favourited since for the first time have no
-- taste and no boost.
create or replace view overall_favourites as
with changed as (
    select unnest(from_json(content, '{"movie_id": "INTEGER", "n_users": "INTEGER", "n_near": "INTEGER"}'))
    from overlay
    where name = 'overall_favourites'
),

counts as (
    select
        movie_id,
        n_users,
        n_near,
        taste,
        boost
    from overall_favourites_retrained
    anti join changed using (movie_id)
    union all
    select
        changed.movie_id,
        changed.n_users,
        changed.n_near,
        overall_favourites_retrained.taste,
        overall_favourites_retrained.boost
    from changed
    left join overall_favourites_retrained using (movie_id)
    where changed.n_users > 0
),

moves as (
    select unnest(from_json(content, '{"is_new": "BOOLEAN"}'))
    from overlay
    where name = 'user_clusters'
),

totals as (
    select
        (select count(*) from user_clusters_retrained)
        + coalesce((select sum(case when is_new then 1 else -1 end) from moves), 0) as n_users
)

select
    counts.movie_id,
    counts.n_users,
    counts.n_near,
    counts.n_users / totals.n_users as share,
    row_number() over (order by counts.n_users desc, counts.movie_id)::integer as rank,
    counts.taste,
    counts.boost
from counts
cross join totals
