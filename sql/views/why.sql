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

    -- Where all that is listed is stored, missing has no row. pairs has one for no movie then: with no row the join would
    -- still read item_weights.
    missing as materialized (
        select
            listed.movie_id,
            listed.score,
            movies.rank,
            movies.taste
        from listed
        inner join overall_favourites_retrained as movies using (movie_id)
        cross join scoring
        anti join stored using (movie_id)
        where movies.rank <= scoring.n_candidates
    ),

    own_favourites as (
        select
            favourites.movie_id,
            favourites.rated_at,
            true as is_favourite
        from favourites
        where favourites.user_id = user_id
    ),

    judged as (
        from own_favourites
        union all
        select
            ratings.movie_id,
            ratings.rated_at,
            false as is_favourite
        from ratings
        cross join interaction_rules as rules
        anti join own_favourites on ratings.movie_id = own_favourites.movie_id
        where
            ratings.user_id = user_id
            and ratings.rating >= rules.min_rating - 1
            and ratings.rating < rules.min_rating
            and rules.near_weight > 0
    ),

    discounted as (
        select
            judged.movie_id,
            judged.is_favourite,
            movies.rank,
            movies.taste,
            rank() over (order by coalesce(epoch(judged.rated_at), 0) desc) as place,
            1 - scoring.item_recency * (place - 1) / (place + 1) as weight
        from judged
        inner join overall_favourites_retrained as movies using (movie_id)
        cross join scoring
    ),

    pairs as (
        select
            missing.movie_id,
            missing.rank,
            missing.taste,
            discounted.movie_id as favourite_id,
            discounted.rank as favourite_rank,
            discounted.taste as favourite_taste,
            discounted.weight
        from missing
        cross join discounted
        cross join scoring
        where discounted.is_favourite and discounted.rank <= scoring.n_candidates
        union all
        select
            0 as movie_id,
            0 as rank,
            null as taste,
            0 as favourite_id,
            0 as favourite_rank,
            null as favourite_taste,
            0 as weight
    ),

    n_items as (
        select count(*) as n_items
        from item_weights
    ),

    contributions as (
        select
            pairs.movie_id,
            pairs.favourite_id,
            pairs.favourite_rank,
            case
                when pairs.rank > n_items.n_items
                    then list_dot_product(pairs.taste, pairs.favourite_taste)
                else pairs.weight * item_weights.weights[pairs.rank]
            end as contribution
        from pairs
        cross join n_items
        left join item_weights on pairs.favourite_id = item_weights.movie_id
    ),

    favoured as (
        select
            stored.movie_id,
            unnest(stored.because) as favourite_id,
            generate_subscripts(stored.because, 1) as place
        from stored
        union all
        select
            contributions.movie_id,
            contributions.favourite_id,
            row_number() over (
                partition by contributions.movie_id
                order by contributions.contribution desc, contributions.favourite_rank
            ) as place
        from contributions
        where contributions.contribution > 0
        qualify place <= 3
    ),

    placed as (
        select
            stored.movie_id,
            stored.cluster
        from stored
        where stored.cluster_score > 0
        union all
        select
            missing.movie_id,
            (select max(stored.cluster) from stored) as cluster
        from missing
        cross join scoring
        where scoring.item_weight < 1 and missing.score > 0
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
    left join titles using (movie_id)
    left join placed using (movie_id)
    left join clusters on placed.cluster = clusters.cluster
    order by listed.rank
