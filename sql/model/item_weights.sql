-- item_weights: one row per movie that the item model knows; none where the clusters recommend alone.
-- movie_id: MovieLens id of the movie, a favourite.
-- weights: what it adds to recommendations.item_score of other movies, in the order of overall_favourites.rank: the first is for rank 1.
create or replace table item_weights as
select
    movie_id,
    weights::float[] as weights
from item_weight_rows
