-- listed_favourites: one row per favourited movie of the retrain, the most favourited first.
select
    movie_id,
    share
from overall_favourites_retrained
order by rank
