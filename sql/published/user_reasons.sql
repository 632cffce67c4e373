-- user_reasons: $n recommendations for $user_id that pass the filters, with what speaks for each.
select
    rank,
    movie_id,
    title,
    genres,
    score,
    because,
    split(cluster_name, ': ')[1] as people
from why(
    $user_id,
    n := $n,
    genres := $genres,
    from_year := $from_year,
    to_year := $to_year,
    exclude := $exclude,
    among := $among
)
