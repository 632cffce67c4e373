-- Every user with a cluster has $top_n recommendations, or all the movies that are left.
with candidates as (
    select overall_favourites.movie_id
    from overall_favourites
    anti join withheld_movies using (movie_id)
),

short as (
    select
        user_clusters.user_id,
        count(recommendations.rank) as n_recommendations
    from user_clusters
    left join recommendations using (user_id)
    group by user_clusters.user_id
    having count(recommendations.rank) < $top_n
),

seen_by_short as (
    select
        seen.user_id,
        count(distinct seen.movie_id) as n_seen
    from seen
    semi join short using (user_id)
    semi join candidates using (movie_id)
    group by seen.user_id
)

select
    short.user_id,
    short.n_recommendations
from short
left join seen_by_short using (user_id)
where short.n_recommendations < (select count(*) from candidates) - coalesce(seen_by_short.n_seen, 0)
