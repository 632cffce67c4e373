-- user_favourites: the favourites of $user_id, those that most people share first.
select
    movie_id,
    movies.title,
    movies.genres,
    count(*) over () as n_favourites
from favourites
inner join movies using (movie_id)
inner join overall_favourites using (movie_id)
where favourites.user_id = $user_id
order by overall_favourites.rank
limit $n
