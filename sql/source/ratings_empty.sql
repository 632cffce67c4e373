-- ratings_empty: the table ratings without any row.
create or replace table ratings (user_id integer, movie_id integer, rating float, rated_at timestamp)
