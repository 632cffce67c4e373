-- Every movie id of the tables is in movies.
with used as (
    select
        'favourites' as table_name,
        movie_id
    from favourites
    union
    select
        'recommendations' as table_name,
        movie_id
    from recommendations
    union
    select
        'cluster_movies' as table_name,
        movie_id
    from cluster_movies
    union
    select
        'fine_cluster_movies' as table_name,
        movie_id
    from fine_cluster_movies
    union
    select
        'overall_favourites' as table_name,
        movie_id
    from overall_favourites
)

select
    used.table_name,
    used.movie_id
from used
anti join movies using (movie_id)
