-- favourites: those of the retrain, with the changes since.
create or replace view favourites as
with changed as (
    select
        favourites_since.user_id,
        favourites_since.movie_id,
        favourites_since.changed_at,
        favourites_since.is_favourite
    from favourites_since
)

select
    favourites_retrained.user_id,
    favourites_retrained.movie_id,
    favourites_retrained.rated_at
from favourites_retrained
anti join changed using (user_id, movie_id)
union all
select
    changed.user_id,
    changed.movie_id,
    changed.changed_at as rated_at
from changed
where changed.is_favourite
