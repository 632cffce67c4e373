-- favourites_since: one row per user and movie that became a favourite, or is none any more, since the retrain.
-- user_id: id of the user.
-- movie_id: MovieLens id of the movie.
-- changed_at: time of the change (UTC).
-- is_favourite: whether it is a favourite now; before it was the opposite.
create or replace view favourites_since as
select
    unnest(
        from_json(
            content,
            '{"user_id": "INTEGER", "movie_id": "INTEGER", "changed_at": "TIMESTAMP", "is_favourite": "BOOLEAN"}'
        )
    )
from overlay
where name = 'favourites'
