-- recommendations: one row per user and rank.
-- user_id: id of the user in the source.
-- rank: 1 is the best.
-- movie_id: MovieLens id of the movie, which the user has not seen.
-- title: title of the movie.
-- cluster: the user's cluster.
-- score: share * exp(taste_weight * (cosine of the tastes of user and movie - 1)), 0 to 1. share is the sum over the user's nearest_clusters of weight * (users of the fine cluster who favourited the movie + smoothing * share of all users who did) / (users of the fine cluster + smoothing).
create or replace table recommendations as
select
    user_id,
    rank,
    movie_id,
    title,
    cluster,
    score
from recommendation_rows
