-- item_weights: one row per movie that the item model knows; no rows where recommendations come from the clusters
-- alone.
-- movie_id: MovieLens id of the movie, a favourite.
-- weights: what it adds to recommendations.item_score of each movie, in the order of overall_favourites.rank in the
-- retrain.
create or replace table item_weights as
select
    movie_id,
    weights::float[] as weights
from item_weight_rows
