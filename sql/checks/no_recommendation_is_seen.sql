-- No recommendation was rated (where exclude_seen is on) or favourited by its user.
select
    recommendations.user_id,
    recommendations.rank,
    recommendations.movie_id
from recommendations
semi join seen using (user_id, movie_id)
