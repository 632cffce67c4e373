-- fine_cluster_movies: one row per fine cluster and movie that is a favourite or near favourite of one of its users.
-- fine_cluster: number of the fine cluster.
-- movie_id: MovieLens id of the movie.
-- n_users: users of the fine cluster who favourited the movie.
-- n_near: users of the fine cluster for whom it is a near favourite.
create or replace table fine_cluster_movies as
select
    user_clusters.fine_cluster,
    interactions.movie_id,
    sum(case when interactions.is_favourite then 1 else 0 end)::integer as n_users,
    sum(case when interactions.is_near then 1 else 0 end)::integer as n_near
from interactions
inner join user_clusters on interactions.user_id = user_clusters.user_id
where interactions.is_favourite or interactions.is_near
group by user_clusters.fine_cluster, interactions.movie_id
order by user_clusters.fine_cluster, interactions.movie_id
