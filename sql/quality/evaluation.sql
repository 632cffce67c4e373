-- evaluation: one row per split, recommender, metric and depth: quality on held-out favourites.
-- split: how favourites were held out: random, or temporal for the latest of each user.
-- recommender: cinecluster, the article's way, overall favourites, or a known recommender.
-- setting: what was tuned on a validation split.
-- seconds: time to tune, train and recommend.
-- metric: HitRate, Recall, NDCG, MAP, coverage, novelty or long-tail share.
-- depth: recommendations a user that it is measured on.
-- value: mean over the users; for coverage the part of the favourited movies that is recommended to anybody.
-- low: lower end of the 95 % confidence interval, null for coverage.
-- high: upper end of the 95 % confidence interval, null for coverage.
-- n_users: users with held-out favourites.
create or replace table evaluation as
select
    split,
    recommender,
    setting::json as setting,
    seconds,
    metric,
    depth::integer as depth,
    value,
    low,
    high,
    n_users::integer as n_users
from evaluation_rows
