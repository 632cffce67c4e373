-- similar_users(user_id, n := 20): n users whose tastes are nearest to that of one, the nearest first; similarity is
-- the cosine of both tastes. No rows where tastes are not used.
create or replace macro similar_users(user_id, n := 20) as table
    with asked as (
        select user_clusters.taste
        from user_clusters
        where user_clusters.user_id = user_id
    ),

    compared as (
        select
            user_clusters.user_id,
            user_clusters.cluster,
            list_dot_product(user_clusters.taste, asked.taste) as similarity,
            row_number() over (order by similarity desc, user_clusters.user_id) as place
        from user_clusters
        cross join asked
        where user_clusters.user_id <> user_id and user_clusters.taste is not null and asked.taste is not null
    )

    select
        compared.place::integer as rank,
        compared.user_id,
        compared.cluster,
        compared.similarity
    from compared
    where compared.place <= n
    order by compared.place
