-- recommendations: one row per user and rank.
-- user_id: id of the user in the source.
-- rank: 1 is the best.
-- movie_id: MovieLens id of the movie, which the user has not seen.
-- title: title of the movie.
-- cluster: the user's cluster.
-- score: how well the movie suits the user, cluster_score + item_score. Scores that agree to 5 digits are equal; then
-- the movie with more favourites comes first.
-- cluster_score: (1 - item_weight) * rarity * share * exp(taste_weight * (cosine of the tastes of user and movie - 1)),
-- rarity as in scoring.rarity_power. share is the sum over the user's neighbours of weight * (n + smoothing * share of
-- all users) / (users of the fine cluster + smoothing); n are its users who favourited the movie, plus near_weight for
-- each near favourite.
-- item_score: the sum over the user's favourites and near favourites of their weight, discounted by age as in
-- scoring.item_recency, times what each adds to the movie in item_weights; 0 without an item model.
-- because: up to three of the user's favourites, movie_id, the one that adds most to item_score first; for a movie that
-- item_weights has not, those whose taste is nearest to its own; empty where no favourite speaks for it.
create or replace table recommendations (
    user_id integer,
    rank integer,
    movie_id integer,
    title varchar,
    cluster integer,
    score float,
    cluster_score float,
    item_score float,
    because integer[]
)
