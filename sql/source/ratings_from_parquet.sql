-- ratings_from_parquet: the table ratings, read from a Parquet file with columns of numbers, called $user and so on.
create or replace table ratings as
with numbers as (
    select
        columns(lambda name: name = $user)::double as user_id,
        columns(lambda name: name = $movie)::double as movie_id,
        columns(lambda name: name = $stars)::double as rating,
        columns(lambda name: name = $time)::double as rated_at
    from read_parquet($source, hive_partitioning = false)
)

select
    valid_id(user_id) as user_id,
    valid_id(movie_id) as movie_id,
    valid_rating(rating) as rating,
    valid_time(rated_at) as rated_at
from numbers
