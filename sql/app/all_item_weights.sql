-- all_item_weights: one row per movie that the item model knows, the most favourited first.
select item_weights.weights
from item_weights
inner join overall_favourites_retrained using (movie_id)
order by overall_favourites_retrained.rank
