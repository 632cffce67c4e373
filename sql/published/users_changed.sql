-- users_changed: one row per user whose recommendations are not those in recommendations_then, whatever their scores.
with lists as (
    select
        user_id,
        rank,
        movie_id,
        cluster,
        because
    from recommendations
),

differing as (
    (
        from lists
        except
        from recommendations_then
    )
    union all
    (
        from recommendations_then
        except
        from lists
    )
)

select distinct user_id
from differing
