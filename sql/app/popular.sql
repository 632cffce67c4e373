-- popular: one row per movie, the $n with most favourites from $since on, as of now.
select
    movie_id,
    n_favourites
from popular($since::timestamp, n := $n)
