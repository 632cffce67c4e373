-- cluster_movies: one row per cluster and movie that a user of the cluster favourited.
-- cluster: number of the cluster.
-- movie_id: MovieLens id of the movie.
-- n_users: users of the cluster who favourited the movie.
-- share: share of the cluster's users who favourited it, 0 to 1.
-- lift: share, as a multiple of the share of all users who favourited it.
-- rank: 1 for the cluster's most favourited movie; of equal ones the one with more favourites overall comes first.
create or replace table cluster_movies as
with counts as (
    select
        user_clusters.cluster,
        favourites.movie_id,
        count(*)::integer as n_users
    from favourites
    inner join user_clusters using (user_id)
    group by user_clusters.cluster, favourites.movie_id
),

sizes as (
    select
        cluster,
        count(*) as n_users
    from user_clusters
    group by cluster
)

select
    counts.cluster,
    counts.movie_id,
    counts.n_users,
    counts.n_users / sizes.n_users as share,
    counts.n_users / sizes.n_users / overall_favourites.share as lift,
    row_number()
        over (partition by counts.cluster order by counts.n_users desc, overall_favourites.rank)::integer
        as rank
from counts
inner join sizes using (cluster)
inner join overall_favourites using (movie_id)
order by counts.cluster, rank
