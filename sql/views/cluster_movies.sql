-- cluster_movies: those of the retrain, with the current counts, shares and ranks.
create or replace view cluster_movies as
with changed as (
    select unnest(from_json(content, '{"cluster": "INTEGER", "movie_id": "INTEGER", "n_users": "INTEGER"}'))
    from overlay
    where name = 'cluster_movies'
),

resized as (
    select unnest(from_json(content, '{"cluster": "INTEGER", "n_users": "INTEGER"}'))
    from overlay
    where name = 'cluster_sizes'
),

counts as (
    select
        cluster,
        movie_id,
        n_users
    from cluster_movies_retrained
    anti join changed using (cluster, movie_id)
    union all
    select
        cluster,
        movie_id,
        n_users
    from changed
    where n_users > 0
),

sizes as (
    select
        clusters.cluster,
        coalesce(resized.n_users, clusters.n_users) as n_users
    from clusters
    left join resized using (cluster)
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
