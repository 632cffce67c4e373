-- disliked_positions: one row per rating that is no favourite, as row and column of the incidence.
select
    user_positions.user_position,
    movie_positions.movie_position
from ratings
inner join user_positions using (user_id)
inner join movie_positions using (movie_id)
left join favourites_log using (user_id, movie_id)
where not coalesce(favourites_log.is_favourite, ratings.rating >= $min_rating)
