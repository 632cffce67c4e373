-- limits: one row, the last user and movie that the retrain kept where --first-users or --first-movies limits them.
create or replace temp table limits as
with last_run as (
    select config
    from runs
    order by rowid desc
    limit 1
)

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
