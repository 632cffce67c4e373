-- fine_cluster_movies: one row per fine cluster and movie that a user of it favourited.
-- fine_cluster: number of the fine cluster.
-- movie_id: MovieLens id of the movie.
-- n_users: users of the fine cluster who favourited the movie.
create or replace table fine_cluster_movies as
with members as (
    select
        user_id,
        unnest(fine_clusters) as fine_cluster
    from user_clusters
)

select
    members.fine_cluster,
    favourites.movie_id,
    count(*)::integer as n_users
from favourites
inner join members using (user_id)
group by all
order by members.fine_cluster, favourites.movie_id
