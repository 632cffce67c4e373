-- recommendations: one row per user and rank.
-- user_id: id of the user in the source.
-- rank: 1 is the best.
-- movie_id: MovieLens id of the movie, which the user has not seen.
-- title: title of the movie.
-- cluster: the user's cluster.
-- score: share * exp(taste_weight * (cosine of the tastes of user and movie - 1)), 0 to 1. share is the sum over the user's nearest_clusters of weight * (n + smoothing * share of all users) / (users of the fine cluster + smoothing); n are its users who favourited the movie, plus watched_weight for each who watched it.
create or replace table recommendations as
select
    user_id,
    rank,
    movie_id,
    title,
    cluster,
    score::double as score
from recommendation_rows
