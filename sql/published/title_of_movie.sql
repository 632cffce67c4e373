-- title_of_movie: the title of the movie that the text $movie_id is the id of, no row for an unknown one.
select title
from main.movies
where movie_id = try_cast($movie_id as integer)
