-- favourites: those of the retrain, with the changes since.
create or replace view favourites as
select
    user_id,
    movie_id,
    rated_at
from favourites_retrained
anti join favourites_since using (user_id, movie_id)
union all
select
    user_id,
    movie_id,
    changed_at as rated_at
from favourites_since
where is_favourite
