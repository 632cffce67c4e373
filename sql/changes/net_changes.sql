-- net_changes: one row per user and movie that is a favourite now and was none at the retrain, or the other way round;
-- of the users and movies that the retrain kept, where --first-users or --first-movies limits them.
create or replace temp table net_changes as
with last_run as (
    select config
    from runs
    order by rowid desc
    limit 1
),

limits as (
    select
        case
            when last_run.config ->> 'first_users' is not null then max(favourites_retrained.user_id)
        end as last_user_id,
        case
            when last_run.config ->> 'first_movies' is not null then max(favourites_retrained.movie_id)
        end as last_movie_id
    from last_run
    cross join favourites_retrained
    group by last_run.config
)

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
