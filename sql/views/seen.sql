-- seen: one row per user and movie that is never recommended to the user: one per favourite and, unless exclude_seen
-- is off, one per rating.
-- user_id: id of the user.
-- movie_id: MovieLens id of the movie.
create or replace view seen as
select
    user_id,
    movie_id
from ratings
where (select exclude_seen from interaction_rules)
union all
select
    user_id,
    movie_id
from favourites
