-- ratings_latest: the table ratings, in order and with only the latest rating of each user and movie;
-- of ratings at the same time the one further down in the file counts.
create or replace table ratings as
with numbered as (
    select
        user_id,
        movie_id,
        rating,
        rated_at,
        rowid as place
    from ratings
)

select distinct on (user_id, movie_id)
    user_id,
    movie_id,
    rating,
    rated_at
from numbered
order by user_id, movie_id, rated_at desc, place desc
