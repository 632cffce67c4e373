-- popular(since, n := 20): n movies with most favourites since a moment, the most favourited first, as of now. Movies
-- that are never recommended are left out.
create or replace macro popular(since, n := 20) as table
    with counts as (
        select
            favourites.movie_id,
            count(*)::integer as n_favourites,
            row_number() over (order by n_favourites desc, favourites.movie_id) as place
        from favourites
        anti join withheld_movies using (movie_id)
        where favourites.rated_at >= since
        group by favourites.movie_id
    )

    select
        counts.place::integer as rank,
        movies.movie_id,
        movies.title,
        movies.genres,
        counts.n_favourites
    from counts
    inner join movies using (movie_id)
    where counts.place <= n
    order by counts.place
