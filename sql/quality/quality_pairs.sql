-- quality_pairs: one row per user whom both runs measured; none where most of their favourites of then are gone, since
-- these are other people, or something else is a favourite now.
with pairs as (
    select
        quality_before.user_id,
        quality_before.ndcg as ndcg_before,
        held_out_quality.ndcg,
        quality_before.movie_ids
    from quality_before
    inner join held_out_quality using (user_id)
),

favourites_before as (
    select
        user_id,
        unnest(movie_ids) as movie_id
    from pairs
),

kept as (
    select count(favourites.movie_id) / count(favourites_before.movie_id) as share
    from favourites_before
    left join favourites using (user_id, movie_id)
)

select
    user_id,
    ndcg_before,
    ndcg
from pairs
where (select share from kept) >= 0.5
order by user_id
