-- interactions: one row per rating or favourite of a movie that anybody favourited; its weight is 1 for a favourite,
-- near_weight for a near favourite, 0 for a movie that was only seen.
create or replace view interactions as
with said as (
    select
        ratings.user_id,
        ratings.movie_id,
        ratings.rating,
        coalesce(favourites_log.is_favourite, ratings.rating >= interaction_rules.min_rating) as is_favourite,
        case
            when favourites_log.is_favourite and ratings.rating < interaction_rules.min_rating
                then favourites_log.changed_at
            else ratings.rated_at
        end as rated_at
    from ratings
    cross join interaction_rules
    left join favourites_log on ratings.user_id = favourites_log.user_id and ratings.movie_id = favourites_log.movie_id
    union all
    select
        favourites_log.user_id,
        favourites_log.movie_id,
        null as rating,
        true as is_favourite,
        favourites_log.changed_at as rated_at
    from favourites_log
    left join ratings on favourites_log.user_id = ratings.user_id and favourites_log.movie_id = ratings.movie_id
    where favourites_log.is_favourite and ratings.user_id is null
),

judged as (
    select
        said.user_id,
        said.movie_id,
        said.is_favourite,
        not said.is_favourite
        and said.rating >= interaction_rules.min_rating - 1
        and said.rating < interaction_rules.min_rating as is_near,
        said.rated_at,
        interaction_rules.near_weight
    from said
    cross join interaction_rules
)

select
    judged.user_id,
    judged.movie_id,
    movie_positions.movie_position,
    judged.is_favourite,
    judged.is_near,
    (case when judged.is_favourite then 1.0 when judged.is_near then judged.near_weight else 0.0 end)::float as weight,
    floor(coalesce(epoch(judged.rated_at), 0))::bigint as seconds
from judged
inner join movie_positions on judged.movie_id = movie_positions.movie_id
