-- user_reasons: $n recommendations for $user_id with what speaks for each.
select
    rank,
    title,
    array_to_string(genres, ', ') as genres,
    score,
    because,
    split(cluster_name, ': ')[1] as people
from why($user_id, n := $n)
