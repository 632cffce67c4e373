-- movie: one row, the movie $movie_id and its favourites as of now; no row for an unknown one.
select
    movies.movie_id,
    movies.title,
    movies.year,
    movies.genres,
    movies.imdb_id,
    movies.tmdb_id,
    coalesce(overall_favourites.n_users, 0) as n_favourites,
    overall_favourites.share,
    overall_favourites.rank
from movies
left join overall_favourites using (movie_id)
where movies.movie_id = $movie_id
