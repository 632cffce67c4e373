-- asked_item_weights: one row per asked movie with its item weights, the most favourited movie first.
select
    asked_movies.movie_id,
    item_weights.weights
from asked_movies
inner join item_weights using (movie_id)
inner join overall_favourites_retrained using (movie_id)
order by overall_favourites_retrained.rank
