-- movies_of_cluster: one row per movie, the $n most favourited ones of the cluster $cluster as of now.
select
    cluster_movies.movie_id,
    cluster_movies.rank,
    cluster_movies.n_users,
    cluster_movies.share,
    cluster_movies.lift
from cluster_movies
where cluster_movies.cluster = $cluster and cluster_movies.rank <= $n
order by cluster_movies.rank
