-- overall_favourites: one row per favourited movie; these are recommended to users without favourites of their own.
-- movie_id: MovieLens id of the movie.
-- n_users: users who favourited the movie.
-- n_near: users with a cluster for whom it is a near favourite.
-- share: share of all users with favourites who favourited it, 0 to 1.
-- rank: 1 for the most favourited movie; of equal ones the lower movie_id comes first.
-- taste: direction of the taste of those who favourited it; null if tastes are not used, or for a movie with few
-- favourites.
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
    movie_taste_rows.taste::float[] as taste
from movie_positions
inner join near on movie_positions.movie_id = near.movie_id
left join movie_taste_rows on movie_positions.movie_id = movie_taste_rows.movie_id
order by rank
