-- ratings_summary: one row per run, what the source held.
-- run_id: id of the run.
-- n_rows_read: rows of the ratings file; read = ratings + superseded + rejected.
-- n_rejected: rows set aside, see rejected_rows.
-- n_rejected_movie_rows: rows of movies.csv, links.csv and movies_metadata.csv set aside, see rejected_rows.
-- n_superseded: ratings that the same user gave the same movie before.
-- n_ratings: ratings kept.
-- n_favourites: favourites among them.
-- n_users: users with a rating.
-- n_users_with_favourites: users with a favourite; they have a cluster and recommendations.
-- n_movies: movies with a rating.
-- n_movies_favourited: movies with a favourite; they can be recommended.
create or replace table ratings_summary as
select
    $run_id::varchar as run_id,
    $n_rows_read::bigint as n_rows_read,
    $n_rejected::bigint as n_rejected,
    (
        select count(*)
        from rejected_rows
        where file in ('movies.csv', 'links.csv', 'movies_metadata.csv')
    ) as n_rejected_movie_rows,
    $n_superseded::bigint as n_superseded,
    (select count(*) from ratings) as n_ratings,
    (select count(*) from favourites) as n_favourites,
    (select count(distinct user_id) from ratings) as n_users,
    (select count(distinct user_id) from favourites) as n_users_with_favourites,
    (select count(distinct movie_id) from ratings) as n_movies,
    (select count(distinct movie_id) from favourites) as n_movies_favourited
