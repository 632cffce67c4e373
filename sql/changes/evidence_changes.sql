-- evidence_changes: one row per user and movie that has become or ceased to be a favourite or near favourite since the
-- retrain. Near favourites count only of users with a cluster, and in lists of movies that have a favourite.
create or replace temp table evidence_changes as
with pairs as (
    select
        user_id,
        movie_id
    from net_changes
    union
    select
        ratings.user_id,
        ratings.movie_id
    from ratings
    semi join changed_users using (user_id)
    union
    select
        ratings.user_id,
        ratings.movie_id
    from ratings
    inner join changed_movies using (movie_id)
    where changed_movies.was_favourited <> changed_movies.is_favourited
),

nearly as (
    select
        ratings.user_id,
        ratings.movie_id
    from ratings
    semi join pairs using (user_id, movie_id)
    cross join interaction_rules
    where
        ratings.rating >= interaction_rules.min_rating - 1
        and ratings.rating < interaction_rules.min_rating
),

places as (
    select
        user_id,
        cluster,
        fine_cluster
    from user_clusters_retrained
    semi join pairs using (user_id)
    union all
    select
        user_id,
        cluster,
        fine_cluster
    from new_users
),

known as (
    select
        places.cluster,
        places.fine_cluster,
        pairs.movie_id,
        coalesce(not net_changes.is_favourite, false) as was_favourite,
        coalesce(net_changes.is_favourite, false) as is_favourite,
        nearly.user_id is not null
        and not coalesce(changed_users.is_new, false)
        and coalesce(changed_movies.was_favourited, overall_favourites_retrained.movie_id is not null) as was_listed,
        nearly.user_id is not null
        and coalesce(changed_users.is_new, true)
        and coalesce(changed_movies.is_favourited, overall_favourites_retrained.movie_id is not null) as is_listed
    from pairs
    inner join places using (user_id)
    left join net_changes using (user_id, movie_id)
    left join nearly using (user_id, movie_id)
    left join changed_users using (user_id)
    left join changed_movies using (movie_id)
    left join overall_favourites_retrained using (movie_id)
)

select
    cluster,
    fine_cluster,
    movie_id,
    is_favourite::integer - was_favourite::integer as n_users,
    (is_listed and not is_favourite)::integer - (was_listed and not was_favourite)::integer as n_near
from known
