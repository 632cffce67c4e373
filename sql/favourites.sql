-- favourites: one row per (user_id, movie_id) rated $min_rating stars or more.
-- user_id: id of the user in the source.
-- movie_id: MovieLens id of the movie.
-- rated_at: time of the rating (UTC), null if the source has no timestamps.
create or replace table favourites as
with liked as (
    select
        user_id,
        movie_id,
        rated_at
    from ratings
    where rating >= $min_rating
),

first_movies as (
    select distinct movie_id from liked
    order by movie_id
    limit coalesce($first_movies::bigint, 9223372036854775807)
),

liked_first_movies as (
    select * from liked
    where movie_id <= (select max(movie_id) from first_movies)
),

first_users as (
    select distinct user_id from liked_first_movies
    order by user_id
    limit coalesce($first_users::bigint, 9223372036854775807)
)

select
    user_id,
    movie_id,
    rated_at
from liked_first_movies
where user_id <= (select max(user_id) from first_users)
