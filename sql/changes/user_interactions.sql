-- user_interactions: one row per interaction of asked_users, whose ids are from $first to $last, as of now, with the
-- movie positions of the retrain; the users' few rows are taken out of each table before they are joined.
with rated as (
    select
        user_id,
        movie_id,
        rating,
        rated_at
    from ratings
    semi join asked_users using (user_id)
    where user_id between $first and $last
),

favoured as (
    select
        user_id,
        movie_id,
        rated_at
    from favourites
    semi join asked_users using (user_id)
    where user_id between $first and $last
),

judged as (
    select
        coalesce(favoured.user_id, rated.user_id) as user_id,
        coalesce(favoured.movie_id, rated.movie_id) as movie_id,
        favoured.user_id is not null as is_favourite,
        rated.rating,
        coalesce(favoured.rated_at, rated.rated_at) as rated_at
    from rated
    full join favoured on rated.user_id = favoured.user_id and rated.movie_id = favoured.movie_id
)

select
    judged.user_id,
    overall_favourites_retrained.rank - 1 as movie_position,
    (case
        when judged.is_favourite then 1
        when judged.rating >= interaction_rules.min_rating - 1 and judged.rating < interaction_rules.min_rating
            then interaction_rules.near_weight
        else 0
    end)::float as weight,
    floor(coalesce(epoch(judged.rated_at), 0))::bigint as seconds
from judged
inner join overall_favourites_retrained using (movie_id)
cross join interaction_rules
