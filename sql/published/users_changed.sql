-- users_changed: one row per user whose recommendations are not those in recommendations_then, whatever their scores.
with differing as (
    (
        select
            user_id,
            rank,
            movie_id,
            cluster,
            because
        from recommendations
        except
        select
            user_id,
            rank,
            movie_id,
            cluster,
            because
        from recommendations_then
    )
    union all
    (
        select
            user_id,
            rank,
            movie_id,
            cluster,
            because
        from recommendations_then
        except
        select
            user_id,
            rank,
            movie_id,
            cluster,
            because
        from recommendations
    )
)

select distinct user_id
from differing
