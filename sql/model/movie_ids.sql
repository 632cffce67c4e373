-- movie_ids: one row per movie, by ascending id.
select movie_id
from movies
order by movie_id
