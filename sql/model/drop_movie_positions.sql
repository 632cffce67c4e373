-- drop_movie_positions: positions are needed only while the tables are built.
drop table movie_positions
