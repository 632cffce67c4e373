-- report_top_movies: the $n most favourited movies of each cluster.
select
    cluster_movies.cluster,
    clusters.name,
    clusters.n_users,
    cluster_movies.rank,
    movies.title,
    cluster_movies.share
from cluster_movies
inner join clusters using (cluster)
inner join movies using (movie_id)
where cluster_movies.rank <= $n
order by cluster_movies.cluster, cluster_movies.rank
