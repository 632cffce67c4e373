-- No recommended movie is blocked (--blocked) or not available (--available).
select
    recommendations.user_id,
    recommendations.rank,
    recommendations.movie_id
from recommendations
semi join withheld_movies using (movie_id)
