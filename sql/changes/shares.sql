-- shares: one row per fine cluster of asked_clusters and movie.
select
    fine_cluster_movies.fine_cluster,
    fine_cluster_movies.movie_id,
    fine_cluster_movies.n_users,
    fine_cluster_movies.n_watched
from fine_cluster_movies
semi join asked_clusters using (fine_cluster)
