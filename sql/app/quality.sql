-- quality: one row per setting of the item model that was tried on held-out favourites, the best first.
select
    item_weight,
    strength,
    regularisation_power,
    low_rank,
    rarity_power,
    quality,
    is_chosen
from item_settings
order by is_chosen desc, quality desc
limit 10
