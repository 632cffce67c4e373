-- cluster_genres: one row per cluster and genre of its favourites.
-- cluster: number of the cluster.
-- genre: name of the genre.
-- n_favourites: favourites of the cluster's users in the genre; one of several genres counts in each.
-- share: share of the cluster's favourites that are in the genre, 0 to 1.
-- lift: share, as a multiple of the genre's share in the favourites of all users.
create or replace table cluster_genres as
with movie_genres as (
    select
        movie_id,
        unnest(genres) as genre
    from movies
),

counts as (
    select
        cluster_movies.cluster,
        movie_genres.genre,
        sum(cluster_movies.n_users) as n_favourites
    from cluster_movies
    inner join movie_genres using (movie_id)
    group by cluster_movies.cluster, movie_genres.genre
),

totals as (
    select
        cluster,
        sum(n_users) as n_favourites
    from cluster_movies
    group by cluster
),

overall as (
    select
        genre,
        sum(n_favourites) / (select sum(n_favourites) from totals) as share
    from counts
    group by genre
)

select
    counts.cluster,
    counts.genre,
    counts.n_favourites::bigint as n_favourites,
    counts.n_favourites / totals.n_favourites as share,
    counts.n_favourites / totals.n_favourites / overall.share as lift
from counts
inner join totals using (cluster)
inner join overall using (genre)
order by counts.cluster, lift desc, counts.genre
