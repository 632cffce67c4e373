-- user_recommendations: $n recommendations for $user_id, from a file of 0.1.0, which does not say why.
select
    rank,
    movie_id,
    title,
    genres,
    score,
    []::varchar[] as because,
    null::varchar as people
from recommend($user_id, n := $n)
