-- scoring: one row, the numbers in the formula of recommendations.score.
-- smoothing: users of everybody's taste that are added to each fine cluster.
-- taste_weight: how much the tastes of user and movie count.
create or replace table scoring as
select
    $smoothing::double as smoothing,
    $taste_weight::double as taste_weight
