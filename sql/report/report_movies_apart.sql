-- report_movies_apart: the $n movies that set each cluster apart most: favourited by many there, and far more than
-- elsewhere.
select
    cluster_movies.cluster,
    movies.title,
    cluster_movies.share,
    cluster_movies.lift,
    row_number() over (
        partition by cluster_movies.cluster
        order by cluster_movies.share * ln(cluster_movies.lift) desc, movies.movie_id
    ) as place
from cluster_movies
inner join movies using (movie_id)
where cluster_movies.lift > 1 and cluster_movies.rank <= 200
qualify place <= $n
order by cluster_movies.cluster, place
