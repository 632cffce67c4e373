-- cluster_movies counts what a recount of the favourites counts.
with recount as (
    select
        user_clusters.cluster,
        favourites.movie_id,
        count(*) as n_users
    from favourites
    inner join user_clusters using (user_id)
    group by all
)

select
    cluster,
    movie_id,
    cluster_movies.n_users,
    recount.n_users as n_users_recounted
from cluster_movies
full join recount using (cluster, movie_id)
where cluster_movies.n_users is distinct from recount.n_users
