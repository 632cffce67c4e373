-- scoring: one row, the numbers in the formula of recommendations.score.
-- smoothing: number of average users added to each fine cluster.
-- taste_weight: how much the tastes of user and movie count.
-- item_weight: share of the score that comes from the item model, 0 to 1.
-- item_recency: the r-th latest favourite of a user, the latest being 0, counts 1 - item_recency * r / (2 + r) in
-- item_score.
-- rarity_power: cluster_score and item_score are multiplied by (n / largest n) ** -rarity_power, n the users who
-- favourited the movie plus near_weight for each near favourite.
-- trend_power: they are multiplied by ((r + q) / (n + q)) ** trend_power, too, n here as a share of its sum over the
-- movies that are scored, r the same of the latest twentieth of the ratings, q twice the sum of n ** 2: more for movies
-- on the rise.
-- diversity: how much each of a user's first movies should differ in taste from those before it, 0 to 1; see
-- --diversity.
-- n_candidates: number of movies that are scored, the most favourited ones; further ones follow in their order, with
-- score 0.
create or replace table scoring as
select
    $smoothing::double as smoothing,
    $taste_weight::double as taste_weight,
    $item_weight::double as item_weight,
    $item_recency::double as item_recency,
    $rarity_power::double as rarity_power,
    $trend_power::double as trend_power,
    $diversity::double as diversity,
    $n_candidates::integer as n_candidates
