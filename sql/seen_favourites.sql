-- seen_favourites: the view seen, where only favourites are never recommended.
create or replace view seen as
select
    user_id,
    movie_id
from favourites
