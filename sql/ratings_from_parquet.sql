-- ratings_from_parquet: the table ratings, read from a Parquet file.
create or replace table ratings as
select
    valid_id(try_cast("userId" as double)) as user_id,
    valid_id(try_cast("movieId" as double)) as movie_id,
    valid_rating(try_cast(rating as double)) as rating,
    valid_time(try_cast("timestamp" as bigint)) as rated_at
from read_parquet($source)
