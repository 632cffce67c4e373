-- favourites_log: one row per user and movie in the log of favourites when the retrain read it, the latest change.
-- user_id: id of the user.
-- movie_id: MovieLens id of the movie.
-- changed_at: time of the change (UTC).
-- is_favourite: whether the user added the movie to the favourites; false if the user took it back.
create or replace table favourites_log as
select
    user_id,
    movie_id,
    changed_at,
    is_favourite
from logged_changes
