-- scoring: one row, the numbers in the formula of recommendations.score.
-- smoothing: users of everybody's taste that are added to each fine cluster.
-- watched_weight: how much of a favourite it is to have watched a movie: to rate it up to a star less.
-- taste_weight: how much the tastes of user and movie count.
create or replace table scoring as
select
    $smoothing::double as smoothing,
    $watched_weight::double as watched_weight,
    $taste_weight::double as taste_weight
