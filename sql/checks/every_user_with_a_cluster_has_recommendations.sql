-- Every user with a cluster has $top_n recommendations, or all the movies that are left.
with counts as (
    select
        user_clusters.user_id,
        count(recommendations.rank) as n_recommendations
    from user_clusters
    left join recommendations using (user_id)
    group by user_clusters.user_id
    having count(recommendations.rank) < $top_n
)

select
    user_id,
    n_recommendations
from counts
where
    n_recommendations
    < (select count(*) from overall_favourites)
    - (
        select count(*) from seen semi join overall_favourites using (movie_id)
        where seen.user_id = counts.user_id
    )
