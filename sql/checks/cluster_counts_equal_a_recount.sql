-- The counts in cluster_movies and clusters equal a recount of the favourites and of the users.
with recount as (
    select
        user_clusters.cluster,
        favourites.movie_id,
        count(*) as n_users
    from favourites
    inner join user_clusters using (user_id)
    group by all
),

recount_of_users as (
    select
        cluster,
        count(*) as n_users
    from user_clusters
    group by cluster
)

select
    cluster,
    movie_id,
    cluster_movies.n_users,
    recount.n_users as n_users_recounted
from cluster_movies
full join recount using (cluster, movie_id)
where cluster_movies.n_users is distinct from recount.n_users
union all
select
    cluster,
    null as movie_id,
    clusters.n_users,
    recount_of_users.n_users as n_users_recounted
from clusters
full join recount_of_users using (cluster)
where clusters.n_users is distinct from recount_of_users.n_users
