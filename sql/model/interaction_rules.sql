-- interaction_rules: one row, what counts as a favourite, as a near favourite, and as seen.
-- min_rating: stars from which a rating is a favourite.
-- near_weight: weight of a near favourite, a rating up to a star less than a favourite, which weighs 1.
-- exclude_seen: whether movies that the user rated low are never recommended, as favourites are not.
create or replace table interaction_rules as
select
    $min_rating::double as min_rating,
    $near_weight::double as near_weight,
    $exclude_seen::boolean as exclude_seen
