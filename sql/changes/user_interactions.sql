-- user_interactions: one row per interaction of asked_users as of now, with the movie positions of the retrain.
with pairs as (
    select
        user_id,
        movie_id
    from ratings
    semi join asked_users using (user_id)
    union
    select
        user_id,
        movie_id
    from favourites
    semi join asked_users using (user_id)
),

judged as (
    select
        pairs.user_id,
        pairs.movie_id,
        favourites.user_id is not null as is_favourite,
        ratings.rating,
        coalesce(favourites.rated_at, ratings.rated_at) as rated_at
    from pairs
    left join favourites using (user_id, movie_id)
    left join ratings using (user_id, movie_id)
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
