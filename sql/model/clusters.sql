-- clusters: one row per cluster.
-- cluster: number of the cluster, 0 is the largest.
-- name: what sets the cluster apart: genres and movies that its users favourite far more than everybody does.
-- n_users: users in the cluster.
-- n_users_before_merge: users before those of small clusters were added.
-- n_movies: distinct movies that its users favourited.
-- n_favourites: favourites of its users.
-- top_genres: genres that set the cluster apart, best first.
-- top_movies: titles that set the cluster apart, best first.
create or replace table clusters as
with sizes as (
    select
        cluster,
        count(*)::integer as n_users,
        (count(*) filter (where not was_moved))::integer as n_users_before_merge
    from user_clusters
    group by cluster
),

favourited as (
    select
        cluster,
        count(*)::integer as n_movies,
        sum(n_users)::bigint as n_favourites
    from cluster_movies
    group by cluster
),

genres_apart as (
    select
        cluster,
        list(genre order by share * ln(lift) desc, genre)[1:2] as top_genres
    from cluster_genres
    where lift > 1
    group by cluster
),

movies_apart as (
    select
        cluster_movies.cluster,
        list(movies.title order by cluster_movies.share * ln(cluster_movies.lift) desc, movies.movie_id)[1:3]
            as top_movies
    from cluster_movies
    inner join movies using (movie_id)
    where cluster_movies.lift > 1 and cluster_movies.rank <= 200
    group by cluster_movies.cluster
)

select
    sizes.cluster,
    concat_ws(
        ': ',
        nullif(array_to_string(coalesce(genres_apart.top_genres, []::varchar[]), ', '), ''),
        coalesce(movies_apart.top_movies[1], 'everybody')
    ) as name,
    sizes.n_users,
    sizes.n_users_before_merge,
    favourited.n_movies,
    favourited.n_favourites,
    coalesce(genres_apart.top_genres, []::varchar[]) as top_genres,
    coalesce(movies_apart.top_movies, []::varchar[]) as top_movies
from sizes
inner join favourited using (cluster)
left join genres_apart using (cluster)
left join movies_apart using (cluster)
order by sizes.cluster
