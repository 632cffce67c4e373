-- limits: one row, the last user and movie that the retrain kept where --first-users or --first-movies limits them.
create or replace temp table limits as
with last_run as (
    select config
    from runs
    order by rowid desc
    limit 1
),

limited as (
    select
        last_run.config ->> 'first_users' is not null as are_users,
        last_run.config ->> 'first_movies' is not null as are_movies
    from last_run
    where are_users or are_movies
)

select
    max(favourites_retrained.user_id) filter (where limited.are_users) as last_user_id,
    max(favourites_retrained.movie_id) filter (where limited.are_movies) as last_movie_id
from favourites_retrained
cross join limited
