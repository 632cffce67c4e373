-- net_changes: one row per user and movie that is a favourite now and was none at the retrain, or the other way round.
create or replace temp table net_changes as
select
    logged_changes.user_id,
    logged_changes.movie_id,
    logged_changes.changed_at,
    logged_changes.is_favourite
from logged_changes
semi join movies using (movie_id)
left join favourites_retrained using (user_id, movie_id)
where logged_changes.is_favourite <> (favourites_retrained.user_id is not null)
order by logged_changes.user_id, logged_changes.movie_id
