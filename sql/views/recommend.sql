-- recommend(user_id, n := 20, ...): n movies for a user, best first: those stored in recommendations, then more by the
-- formula of recommendations.score and the counts of the retrain. Users without favourites, or unknown, get the overall
-- favourites that they have not seen. Others are left out before the best n are taken: genres := ['Comedy', 'Drama']
-- has movies of any of these, from_year := 1980 and to_year := 1989 those of these years, exclude := [1, 2] all but
-- these, among := [3, 4] these alone. Null says nothing, an empty list neither, but among := [] lets no movie pass.
create or replace macro recommend(
    user_id, n := 20, genres := null, from_year := null, to_year := null, exclude := null, among := null
) as table
    with asked as (
        select
            user_id as asked_user_id,
            n as asked_n
    ),

    passing as (
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
            row_number() over (order by recommendations.rank) as rank,
            recommendations.movie_id,
            recommendations.score
        from recommendations
        semi join passing using (movie_id)
        where recommendations.user_id = user_id
    ),

    more as (
        select asked_user_id
        from asked
        where asked_n > (select count(*) from stored)
    ),

    taste as (
        select user_clusters.taste
        from user_clusters
        where user_clusters.user_id = user_id
    ),

    listed as (
        select
            unnest(user_clusters.neighbours) as fine_cluster,
            unnest(user_clusters.weights) as weight
        from user_clusters
        where user_clusters.user_id = user_id
    ),

    near as (
        select
            listed.fine_cluster,
            listed.weight / (fine_clusters.n_users + scoring.smoothing) as weight_per_user
        from listed
        inner join fine_clusters_retrained as fine_clusters using (fine_cluster)
        cross join scoring
        cross join more
    ),

    shares as (
        select
            fine_cluster_movies.movie_id,
            sum(
                near.weight_per_user
                * (fine_cluster_movies.n_users + interaction_rules.near_weight * fine_cluster_movies.n_near)
            ) as share
        from fine_cluster_movies_retrained as fine_cluster_movies
        inner join near using (fine_cluster)
        cross join interaction_rules
        group by fine_cluster_movies.movie_id
    ),

    everybody as (
        select
            coalesce(sum(near.weight_per_user * scoring.smoothing), 1) as weight,
            count(*) > 0 as is_known
        from near
        cross join scoring
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

    judged as (
        select
            coalesce(favourites.movie_id, ratings.movie_id) as movie_id,
            coalesce(favourites.rated_at, ratings.rated_at) as rated_at,
            case
                when favourites.movie_id is not null then 1
                when ratings.rating >= interaction_rules.min_rating - 1 and ratings.rating < interaction_rules.min_rating
                    then interaction_rules.near_weight
                else 0
            end as weight
        from own_favourites as favourites
        full join own_ratings as ratings using (movie_id)
        cross join interaction_rules
        cross join more
    ),

    evidence as (
        select
            judged.movie_id,
            judged.weight * power(
                rank() over (order by coalesce(epoch(judged.rated_at), 0) desc), -scoring.item_recency
            ) as weight
        from judged
        inner join overall_favourites_retrained using (movie_id)
        cross join scoring
        where judged.weight > 0
    ),

    listed_items as (
        select
            evidence.weight,
            unnest(item_weights.weights) as item_weight,
            generate_subscripts(item_weights.weights, 1) as rank
        from evidence
        inner join item_weights using (movie_id)
    ),

    items as (
        select
            listed_items.rank,
            sum(listed_items.weight * listed_items.item_weight) as item_score
        from listed_items
        group by listed_items.rank
    ),

    most as (
        select max(overall_favourites.n_users + interaction_rules.near_weight * overall_favourites.n_near) as evidence
        from overall_favourites_retrained as overall_favourites
        cross join interaction_rules
        cross join scoring
        where overall_favourites.rank <= scoring.n_candidates
    ),

    hidden as (
        select seen.movie_id
        from seen
        where seen.user_id = user_id
        union all
        select withheld_movies.movie_id from withheld_movies
        union all
        select stored.movie_id from stored
    ),

    others as (
        select
            overall_favourites.movie_id,
            overall_favourites.share * (
                1
                + case when everybody.is_known then interaction_rules.near_weight else 0 end
                * overall_favourites.n_near / overall_favourites.n_users
            ) as everybody_share,
            case
                when not everybody.is_known then overall_favourites.share
                when overall_favourites.rank > scoring.n_candidates then 0
                else
                    (coalesce(shares.share, 0) + everybody.weight * everybody_share)
                    * coalesce(
                        exp(scoring.taste_weight * (list_dot_product(taste.taste, overall_favourites.taste) - 1)), 1
                    )
                    * (1 - scoring.item_weight)
                    * power(
                        greatest(
                            overall_favourites.n_users + interaction_rules.near_weight * overall_favourites.n_near, 0.5
                        ) / most.evidence,
                        -scoring.rarity_power
                    )
                    + coalesce(items.item_score, 0)
            end as score,
            row_number() over (order by score desc, overall_favourites.rank) as place
        from overall_favourites_retrained as overall_favourites
        cross join more
        cross join everybody
        cross join scoring
        cross join interaction_rules
        cross join most
        left join shares using (movie_id)
        left join items using (rank)
        left join taste on true
        semi join passing using (movie_id)
        anti join hidden using (movie_id)
    ),

    ranked as (
        from stored
        union all
        select
            others.place + (select count(*) from stored) as rank,
            others.movie_id,
            others.score
        from others
    )

    select
        ranked.rank::integer as rank,
        ranked.movie_id,
        movies.title,
        movies.genres,
        ranked.score
    from ranked
    inner join movies using (movie_id)
    where ranked.rank <= n
    order by ranked.rank
