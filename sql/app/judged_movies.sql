-- judged_movies: one row per rating and one per favourite of the users from $first to $last at the retrain; kind is 0
-- for a rating, 1 for one that makes a near favourite, 2 for a favourite.
select
    user_id,
    movie_id,
    floor(coalesce(epoch(rated_at), 0))::bigint as seconds,
    (rating >= $min_rating - 1 and rating < $min_rating)::tinyint as kind
from ratings
where user_id between $first and $last
union all
select
    user_id,
    movie_id,
    floor(coalesce(epoch(rated_at), 0))::bigint as seconds,
    2::tinyint as kind
from favourites_retrained
where user_id between $first and $last
