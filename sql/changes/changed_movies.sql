-- changed_movies: one row per movie with a favourite taken back or added since the retrain, and whether it had any.
create or replace temp table changed_movies as
with changes as (
    select
        movie_id,
        sum(case when is_favourite then 1 else -1 end) as n_more
    from net_changes
    group by movie_id
)

select
    changes.movie_id,
    overall_favourites_retrained.movie_id is not null as was_favourited,
    coalesce(overall_favourites_retrained.n_users, 0) + changes.n_more > 0 as is_favourited
from changes
left join overall_favourites_retrained using (movie_id)
