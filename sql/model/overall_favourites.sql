-- overall_favourites: one row per favourited movie; these are recommended to users without favourites of their own.
-- movie_id: MovieLens id of the movie.
-- n_users: users who favourited the movie.
-- n_near: users with a cluster for whom it is a near favourite.
-- share: share of all users with favourites who favourited it, 0 to 1.
-- rank: 1 for the most favourited movie; of equal ones the lower movie_id comes first.
-- taste: direction of the taste of those who favourited it; null if tastes are not used, or for a movie with few
-- favourites.
-- boost: what the scores of the movie are multiplied by, see scoring.rarity_power and scoring.trend_power; null for a
-- movie that is not scored.
create or replace table overall_favourites as
with near as (
    select
        movie_id,
        sum(n_near)::integer as n_near
    from fine_cluster_movies
    group by movie_id
)

select
    movie_positions.movie_id,
    movie_positions.n_users,
    near.n_near,
    movie_positions.n_users / (select count(*) from user_clusters) as share,
    movie_positions.movie_position + 1 as rank,
    scored_movie_rows.taste::float[] as taste,
    scored_movie_rows.boost::float as boost
from movie_positions
inner join near on movie_positions.movie_id = near.movie_id
left join scored_movie_rows on movie_positions.movie_id = scored_movie_rows.movie_id
order by rank
