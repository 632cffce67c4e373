-- why(user_id, n := 20, ...): what recommend says, filtered as there, with the titles of the favourites that each movie
-- is recommended because of, and the name of the user's cluster where that adds to the score.
create or replace macro why(
    user_id, n := 20, genres := null, from_year := null, to_year := null, exclude := null, among := null
) as table
    with listed as (
        from recommend(
            user_id,
            n := n,
            genres := genres,
            from_year := from_year,
            to_year := to_year,
            exclude := exclude,
            among := among
        )
    ),

    stored as (
        select
            recommendations.movie_id,
            recommendations.cluster,
            recommendations.cluster_score,
            recommendations.because
        from recommendations
        where recommendations.user_id = user_id
    ),

    favoured as (
        select
            stored.movie_id,
            unnest(stored.because) as favourite_id,
            generate_subscripts(stored.because, 1) as place
        from stored
    ),

    titles as (
        select
            favoured.movie_id,
            list(movies.title order by favoured.place) as because
        from favoured
        inner join movies on favoured.favourite_id = movies.movie_id
        group by favoured.movie_id
    )

    select
        listed.rank,
        listed.movie_id,
        listed.title,
        listed.genres,
        listed.score,
        coalesce(titles.because, []::varchar[]) as because,
        clusters.name as cluster_name
    from listed
    left join stored using (movie_id)
    left join titles using (movie_id)
    left join clusters on stored.cluster = clusters.cluster and stored.cluster_score > 0
    order by listed.rank
