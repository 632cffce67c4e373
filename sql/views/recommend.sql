-- recommend(user_id, n := 20, ...): n movies for a user, best first: those stored in recommendations, then more by the
-- formula of recommendations.score and the counts of the retrain. Users without favourites, or unknown, get the overall
-- favourites that they have not seen. Others are left out before the best n are taken: genres := ['Comedy', 'Drama']
-- has movies of any of these, from_year := 1980 and to_year := 1989 those of these years, exclude := [1, 2] all but
-- these, among := [3, 4] these alone. Null says nothing, an empty list neither, but among := [] lets no movie pass.
create or replace macro recommend(
    user_id, n := 20, genres := null, from_year := null, to_year := null, exclude := null, among := null
) as table
    with passing as not materialized (
        select movies.movie_id
        from movies
        where
            (coalesce(len(genres::varchar[]), 0) = 0 or list_has_any(movies.genres, genres::varchar[]))
            and (from_year::integer is null or movies.year >= from_year::integer)
            and (to_year::integer is null or movies.year <= to_year::integer)
            and (exclude::integer[] is null or not list_contains(exclude::integer[], movies.movie_id))
            and (among::integer[] is null or list_contains(among::integer[], movies.movie_id))
    ),

    stored as (
        select
            row_number() over (order by recommendations.rank) as place,
            recommendations.movie_id,
            recommendations.score
        from recommendations
        semi join passing using (movie_id)
        where recommendations.user_id = user_id
    ),

    -- Where the stored ones suffice, rules has no row, and next to nothing else is read: candidates meet it before
    -- anything else, and weighted has a movie that is none, as a join with no row would still read item_weights.
    rules as (
        select
            scoring.*,
            interaction_rules.near_weight,
            interaction_rules.min_rating,
            interaction_rules.exclude_seen
        from scoring
        cross join interaction_rules
        where n > (select count(*) from stored)
    ),

    person as (
        select
            user_clusters.taste,
            user_clusters.neighbours,
            user_clusters.weights
        from user_clusters
        cross join rules
        where user_clusters.user_id = user_id
    ),

    listed as (
        select
            unnest(person.neighbours) as fine_cluster,
            unnest(person.weights) as weight
        from person
    ),

    near as (
        select
            listed.fine_cluster,
            listed.weight / (fine_clusters.n_users + rules.smoothing) as weight_per_user
        from listed
        inner join fine_clusters_retrained as fine_clusters using (fine_cluster)
        cross join rules
    ),

    shares as (
        select
            fine_cluster_movies.movie_id,
            sum(
                near.weight_per_user
                * (fine_cluster_movies.n_users + rules.near_weight * fine_cluster_movies.n_near)
            ) as share
        from fine_cluster_movies_retrained as fine_cluster_movies
        inner join near using (fine_cluster)
        cross join rules
        group by fine_cluster_movies.movie_id
    ),

    own_favourites as (
        select
            favourites.movie_id,
            favourites.rated_at
        from favourites
        where favourites.user_id = user_id
    ),

    own_ratings as (
        select
            ratings.movie_id,
            ratings.rating,
            ratings.rated_at
        from ratings
        where ratings.user_id = user_id
    ),

    rated as (
        select
            own_favourites.movie_id,
            own_favourites.rated_at,
            5 as rating,
            true as is_favourite
        from own_favourites
        union all
        select
            own_ratings.movie_id,
            own_ratings.rated_at,
            own_ratings.rating,
            false as is_favourite
        from own_ratings
    ),

    judged as (
        select
            rated.movie_id,
            coalesce(max(rated.rated_at) filter (rated.is_favourite), max(rated.rated_at)) as rated_at,
            max(
                case
                    when rated.is_favourite then 1
                    when rated.rating >= rules.min_rating - 1 and rated.rating < rules.min_rating then rules.near_weight
                    else 0
                end
            ) as weight,
            bool_or(rated.is_favourite or rules.exclude_seen) as is_seen
        from rated
        cross join rules
        group by rated.movie_id
    ),

    evidence as (
        select
            judged.movie_id,
            rank() over (order by coalesce(epoch(judged.rated_at), 0) desc) as place,
            judged.weight * (1 - rules.item_recency * (place - 1) / (place + 1)) as weight
        from judged
        inner join overall_favourites_retrained using (movie_id)
        cross join rules
        where judged.weight > 0
    ),

    weighted as (
        select
            evidence.movie_id,
            evidence.weight
        from evidence
        union all
        select
            0 as movie_id,
            0 as weight
    ),

    listed_items as (
        select
            weighted.weight,
            unnest(item_weights.weights) as item_weight,
            generate_subscripts(item_weights.weights, 1) as rank
        from weighted
        inner join item_weights using (movie_id)
    ),

    items as (
        select
            listed_items.rank,
            sum(listed_items.weight * listed_items.item_weight) as item_score
        from listed_items
        group by listed_items.rank
    ),

    asked as (
        select
            rules.*,
            (select person.taste from person) as asked_taste,
            (select count(*) > 0 from near) as is_known,
            (select coalesce(sum(near.weight_per_user * rules.smoothing), 1) from near) as weight
        from rules
    ),

    hidden as (
        select judged.movie_id
        from judged
        where judged.is_seen
        union all
        select withheld_movies.movie_id from withheld_movies
        union all
        select stored.movie_id from stored
    ),

    candidates as materialized (
        select
            overall_favourites.movie_id,
            overall_favourites.rank,
            overall_favourites.share,
            overall_favourites.n_users,
            overall_favourites.n_near,
            overall_favourites.taste,
            overall_favourites.boost,
            asked.*
        from overall_favourites_retrained as overall_favourites
        cross join asked
    ),

    passing_more as (
        select passing.movie_id
        from passing
        cross join rules
    ),

    others as (
        select
            candidates.movie_id,
            candidates.share * (
                1
                + case when candidates.is_known then candidates.near_weight else 0 end
                * candidates.n_near / candidates.n_users
            ) as everybody_share,
            case
                when not candidates.is_known then candidates.share
                when candidates.rank > candidates.n_candidates then 0
                else
                    (coalesce(shares.share, 0) + candidates.weight * everybody_share)
                    * coalesce(
                        exp(candidates.taste_weight * (list_dot_product(candidates.asked_taste, candidates.taste) - 1)), 1
                    )
                    * (1 - candidates.item_weight)
                    * candidates.boost
                    + coalesce(items.item_score, 0)
            end as score,
            row_number() over (order by score desc, candidates.rank) as place
        from candidates
        left join shares using (movie_id)
        left join items using (rank)
        semi join passing_more using (movie_id)
        anti join hidden using (movie_id)
    ),

    ranked as (
        from stored
        union all
        select
            others.place + (select count(*) from stored) as place,
            others.movie_id,
            others.score
        from others
    )

    select
        ranked.place::integer as rank,
        ranked.movie_id,
        movies.title,
        movies.genres,
        ranked.score
    from ranked
    inner join movies using (movie_id)
    where ranked.place <= n
    order by ranked.place
