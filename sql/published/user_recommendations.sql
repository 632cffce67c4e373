-- user_recommendations: $n recommendations for $user_id.
select
    rank,
    title,
    array_to_string(genres, ', ') as genres,
    score
from recommend($user_id, n := $n)
