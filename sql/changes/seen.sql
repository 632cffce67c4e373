-- seen: one row per user of asked_users and favourited movie not to be recommended, as rows and columns.
with seen_pairs as (
    select
        user_id,
        movie_id
    from favourites
    semi join asked_users using (user_id)
    union
    select
        user_id,
        movie_id
    from ratings
    semi join asked_users using (user_id)
    where $exclude_seen
)

select
    asked_users.user_position,
    overall_favourites.rank - 1 as movie_position
from seen_pairs
inner join asked_users using (user_id)
inner join overall_favourites using (movie_id)
