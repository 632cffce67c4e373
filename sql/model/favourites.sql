-- favourites: one row per (user_id, movie_id) rated $min_rating stars or more, or added by the user since.
-- user_id: id of the user in the source.
-- movie_id: MovieLens id of the movie.
-- rated_at: time of the rating, or of the addition (UTC); null if the source has no timestamps.
create or replace table favourites as
with favourited as (
    select
        ratings.user_id,
        ratings.movie_id,
        case when ratings.rating >= $min_rating then ratings.rated_at else favourites_log.changed_at end as rated_at
    from ratings
    left join favourites_log using (user_id, movie_id)
    where coalesce(favourites_log.is_favourite, ratings.rating >= $min_rating)
    union all
    select
        favourites_log.user_id,
        favourites_log.movie_id,
        favourites_log.changed_at as rated_at
    from favourites_log
    anti join ratings using (user_id, movie_id)
    where favourites_log.is_favourite
),

movies_of_those as (
    select distinct movie_id from favourited
),

numbered_movies as (
    select
        movie_id,
        row_number() over (order by movie_id) as place
    from movies_of_those
),

of_first_movies as (
    select * from favourited
    where
        $first_movies::integer is null
        or movie_id <= (select max(movie_id) filter (where place <= $first_movies::integer) from numbered_movies)
),

users_of_those as (
    select distinct user_id from of_first_movies
),

numbered_users as (
    select
        user_id,
        row_number() over (order by user_id) as place
    from users_of_those
)

select
    user_id,
    movie_id,
    rated_at
from of_first_movies
where
    $first_users::integer is null
    or user_id <= (select max(user_id) filter (where place <= $first_users::integer) from numbered_users)
