-- net_changes: one row per user and movie that is a favourite now and was none at the retrain, or the other way round;
-- of the users and movies that the retrain kept, where --first-users or --first-movies limits them.
create or replace temp table net_changes as
select
    logged_changes.user_id,
    logged_changes.movie_id,
    logged_changes.changed_at,
    logged_changes.is_favourite
from logged_changes
semi join movies using (movie_id)
cross join limits
left join favourites_retrained using (user_id, movie_id)
where
    logged_changes.is_favourite <> (favourites_retrained.user_id is not null)
    and coalesce(logged_changes.user_id <= limits.last_user_id, true)
    and coalesce(logged_changes.movie_id <= limits.last_movie_id, true)
order by logged_changes.user_id, logged_changes.movie_id
