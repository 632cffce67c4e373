-- seen: one row per rating, and one per favourite, of a user and a movie: never recommended to the user.
-- user_id: id of the user.
-- movie_id: MovieLens id of the movie.
create or replace view seen as
select
    user_id,
    movie_id
from ratings
union all
select
    user_id,
    movie_id
from favourites
