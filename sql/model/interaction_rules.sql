-- interaction_rules: one row, what counts as a favourite, as a near favourite, and as seen.
-- min_rating: stars from which a rating is a favourite.
-- near_weight: how much of a favourite a near favourite is, a rating of up to a star less.
-- exclude_seen: whether movies that the user rated low are left out of the recommendations, besides the favourites.
create or replace table interaction_rules as
select
    $min_rating::double as min_rating,
    $near_weight::double as near_weight,
    $exclude_seen::boolean as exclude_seen
