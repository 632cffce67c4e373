-- item_settings: one row per setting of the item model that was tried on held-out favourites; no rows without an item
-- model.
-- item_weight: share of the score that comes from the item model, 0 for the clusters alone.
-- strength: regularisation of the item model, as a multiple of a mean of its Gram matrix's diagonal.
-- low_rank: how much of its part of low rank is added to the regression, as a multiple of it.
-- rarity_power: how much movies with few favourites are lifted, see scoring.rarity_power.
-- trend_power: how much movies on the rise are lifted, see scoring.trend_power.
-- item_recency: how much more later favourites count, see scoring.item_recency; half as much is tried beside a trend.
-- n_ranked: how many of the most favourited movies were ranked; qualities compare where it is the same, and neither or
-- both leave out a cut in time.
-- quality: held-out NDCG@10, the geometric mean over the ways of holding out; where strength and recency were looked for,
-- without a cut in time.
-- is_chosen: whether the recommendations were made with this setting; where settings were tried on some of the users,
-- with another strength, see runs.metrics.
create or replace table item_settings as
select
    weight as item_weight,
    strength,
    low_rank,
    rarity_power,
    trend_power,
    recency as item_recency,
    n_ranked,
    quality,
    is_chosen
from item_setting_rows
order by n_ranked, strength, low_rank, rarity_power, item_recency, trend_power, item_weight
