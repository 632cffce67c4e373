-- popular: one row per movie, the $n with most favourites from $since on, as of now.
select
    movie_id,
    count(*)::integer as n_favourites
from favourites
anti join withheld_movies using (movie_id)
where rated_at >= $since::timestamp
group by movie_id
order by n_favourites desc, movie_id
limit $n
