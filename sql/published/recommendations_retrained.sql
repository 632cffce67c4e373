-- recommendations_retrained: one row per user and rank, as the retrain made them, without the favourites since.
select
    user_id,
    rank,
    movie_id,
    cluster,
    because
from recommendations_retrained
