-- seen: one row per user and movie that is never recommended to the user: rated or favourited.
create or replace view seen as
select
    user_id,
    movie_id
from ratings
union
select
    user_id,
    movie_id
from favourites
