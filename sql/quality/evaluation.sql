-- evaluation: one row per protocol, split, recommender, metric and depth: quality on held-out favourites; and one row
-- without a metric, but with a note, for each recommender or split that was not measured.
-- protocol: known users, strong (users not learned from, as published for ML-20M), new users or rare movies.
-- split: what was held out: random, temporal for the latest of each user, cut for all after one moment, unseen users;
-- of new users what is known, of rare movies the favourites that they have.
-- recommender: cinecluster, the article's way, overall favourites, a known recommender, or a random order.
-- setting: what was chosen on validation splits, with the evidence and recency that a baseline learns from.
-- at_edge: the settings that lie at the edge of their grid, null if none does.
-- validation: NDCG of the setting on validation, null where nothing was tuned; the baseline with the highest counts.
-- n_tried: settings that were tried on validation.
-- n_settings: settings in the whole grid.
-- note: why it was not measured, or not tuned to the end.
-- seconds: time to tune, learn and recommend.
-- metric: HitRate, Recall (in protocol strong as published: divided by depth where that is less than the held-out
-- favourites), NDCG, MAP, coverage, novelty or long-tail share.
-- depth: number of recommendations per user that are measured.
-- value: mean over the users; for coverage the share of the favourited movies that are recommended to anybody.
-- low: lower end of the 95 % confidence interval, null for coverage.
-- high: upper end of the 95 % confidence interval, null for coverage.
-- n_users: users with held-out favourites.
-- difference: value of cinecluster minus this value.
-- difference_low: lower end of its 95 % interval, by paired bootstrap over users.
-- difference_high: upper end of its 95 % interval.
-- ratio: value of cinecluster divided by this value.
-- ratio_low: lower end of its 95 % interval, by paired bootstrap over users; above 1 cinecluster is better.
-- ratio_high: upper end of its 95 % interval; below 1 cinecluster is worse.
create or replace table evaluation as
select
    protocol,
    split,
    recommender,
    setting::json as setting,
    at_edge,
    validation,
    n_tried::integer as n_tried,
    n_settings::integer as n_settings,
    note,
    seconds,
    metric,
    depth::integer as depth,
    value,
    low,
    high,
    n_users::integer as n_users,
    difference,
    difference_low,
    difference_high,
    ratio,
    ratio_low,
    ratio_high
from evaluation_rows
