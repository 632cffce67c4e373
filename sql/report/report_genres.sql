-- report_genres: the genres of each cluster's favourites.
select
    cluster_genres.cluster,
    clusters.name,
    cluster_genres.genre,
    cluster_genres.share,
    cluster_genres.lift
from cluster_genres
inner join clusters using (cluster)
order by cluster_genres.cluster, cluster_genres.genre
