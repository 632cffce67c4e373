-- scoring: one row, the numbers in the formula of recommendations.score.
-- smoothing: users of everybody's taste that are added to each fine cluster.
-- taste_weight: how much the tastes of user and movie count.
-- item_weight: share of the score that the item model makes, 0 to 1.
-- n_candidates: so many of the most favourited movies are scored; further ones follow in their order, with score 0.
create or replace table scoring as
select
    $smoothing::double as smoothing,
    $taste_weight::double as taste_weight,
    $item_weight::double as item_weight,
    $n_candidates::integer as n_candidates
