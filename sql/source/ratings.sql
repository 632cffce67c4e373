-- ratings: one row per (user_id, movie_id) of the source, the latest rating.
-- user_id: id of the user in the source.
-- movie_id: MovieLens id of the movie.
-- rating: stars, 0.5 to 5.0 in halves.
-- rated_at: time of the rating (UTC), null if the source has no timestamps.
create or replace table ratings as
select
    valid_id("userId") as user_id,
    valid_id("movieId") as movie_id,
    valid_rating(rating) as rating,
    valid_time("timestamp") as rated_at
from rating_numbers
