-- watched(min_rating): one row per rating of up to a star less than a favourite, and no favourite by the user's word.
create or replace temp macro watched(min_rating) as table
    select
        ratings.user_id,
        ratings.movie_id,
        ratings.rated_at
    from ratings
    left join favourites_log using (user_id, movie_id)
    where
        ratings.rating >= min_rating - 1
        and ratings.rating < min_rating
        and not coalesce(favourites_log.is_favourite, false)
