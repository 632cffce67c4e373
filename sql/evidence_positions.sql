-- evidence_positions: one row per favourite, and per rating of up to a star less ("watched"), as row and column of
-- the incidence, with the weight of each and its time in seconds since 1970 (0 if unknown).
with evidence as (
    select
        user_id,
        movie_id,
        rated_at,
        1 as weight
    from favourites
    union all
    select
        user_id,
        movie_id,
        rated_at,
        $watched_weight as weight
    from watched($min_rating)
    where $watched_weight > 0
)

select
    user_positions.user_position,
    movie_positions.movie_position,
    evidence.weight::float as weight,
    coalesce(epoch(evidence.rated_at), 0)::double as seconds
from evidence
inner join user_positions using (user_id)
inner join movie_positions using (movie_id)
