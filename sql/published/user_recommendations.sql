-- user_recommendations: $n recommendations for $user_id, from a file of 0.1.0, which does not say why.
select
    rank,
    title,
    array_to_string(genres, ', ') as genres,
    score,
    []::varchar[] as because,
    null::varchar as people
from recommend($user_id, n := $n)
