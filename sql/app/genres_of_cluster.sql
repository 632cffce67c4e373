-- genres_of_cluster: one row per genre of the favourites of the cluster $cluster, what sets it apart first.
select
    genre,
    n_favourites,
    share,
    lift
from cluster_genres
where cluster = $cluster
order by lift desc, genre
