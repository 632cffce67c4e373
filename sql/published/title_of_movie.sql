-- title_of_movie: the title of the movie $movie_id, no row for an unknown one.
select title
from main.movies
where movie_id = $movie_id
