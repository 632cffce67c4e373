-- fine_cluster_movies: one row per fine cluster and movie that a user of it favourited or watched.
-- fine_cluster: number of the fine cluster.
-- movie_id: MovieLens id of the movie.
-- n_users: users of the fine cluster who favourited the movie.
-- n_watched: users of the fine cluster who rated it up to a star less than a favourite.
create or replace table fine_cluster_movies as
with evidence as (
    select
        user_id,
        movie_id,
        true as is_favourite
    from favourites
    union all
    select
        watched.user_id,
        watched.movie_id,
        false as is_favourite
    from watched($min_rating) as watched
    semi join overall_favourites using (movie_id)
)

select
    user_clusters.fine_cluster,
    evidence.movie_id,
    (count(*) filter (where evidence.is_favourite))::integer as n_users,
    (count(*) filter (where not evidence.is_favourite))::integer as n_watched
from evidence
inner join user_clusters using (user_id)
group by all
order by user_clusters.fine_cluster, evidence.movie_id
