-- stored_lists: one row per user and rank of the retrain, as a server holds them.
select
    user_id,
    rank,
    movie_id,
    score,
    cluster
from recommendations_retrained
