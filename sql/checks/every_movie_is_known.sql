-- Every movie id of the tables is in movies.
select
    'favourites' as table_name,
    favourites.movie_id
from favourites
anti join movies using (movie_id)
union
select
    'recommendations' as table_name,
    recommendations.movie_id
from recommendations
anti join movies using (movie_id)
