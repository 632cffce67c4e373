-- drop_movie_positions: positions serve the building of the tables alone.
drop table movie_positions
