-- ratings: one row per (user_id, movie_id) of many files, the latest rating: by time, then file, then place in the
-- file.
-- user_id: id of the user in the source.
-- movie_id: MovieLens id of the movie.
-- rating: stars, 0.5 to 5.0 in halves.
-- rated_at: time of the rating (UTC), null if the source has no timestamps.
create or replace table ratings as
with ranked as (
    select
        user_id,
        movie_id,
        rating,
        rated_at,
        row_number() over (
            partition by user_id, movie_id order by rated_at desc nulls last, file desc, place desc
        ) as recency
    from file_rows
    where reason is null
)

select
    user_id,
    movie_id,
    rating,
    rated_at
from ranked
where recency = 1
order by user_id, movie_id
