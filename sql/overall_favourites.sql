-- overall_favourites: one row per favourited movie; what people without favourites of their own are recommended.
-- movie_id: MovieLens id of the movie.
-- n_users: users who favourited the movie.
-- n_watched: users with a cluster who rated it up to a star less than a favourite.
-- share: part of all users with favourites who favourited it, 0 to 1.
-- rank: 1 for the most favourited movie; of equal ones the lower movie_id comes first.
-- taste: direction of the taste of those who favourited it; null if tastes are not used.
create or replace table overall_favourites as
with counts as (
    select
        movie_id,
        count(*)::integer as n_users
    from favourites
    group by movie_id
),

watched as (
    select
        watched.movie_id,
        count(*)::integer as n_watched
    from watched($min_rating) as watched
    semi join user_clusters using (user_id)
    group by watched.movie_id
)

select
    counts.movie_id,
    counts.n_users,
    coalesce(watched.n_watched, 0) as n_watched,
    counts.n_users / (select count(*) from user_clusters) as share,
    row_number() over (order by counts.n_users desc, counts.movie_id)::integer as rank,
    movie_taste_rows.taste::float[] as taste
from counts
inner join movie_taste_rows using (movie_id)
left join watched using (movie_id)
order by rank
