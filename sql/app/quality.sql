-- quality: one row per setting of the item model that was tried with all its movies ranked, the best first.
select
    item_weight,
    strength,
    low_rank,
    rarity_power,
    trend_power,
    item_recency,
    quality,
    is_chosen
from item_settings
where n_ranked = (select max(tried.n_ranked) from item_settings as tried)
order by is_chosen desc, quality desc
limit 10
