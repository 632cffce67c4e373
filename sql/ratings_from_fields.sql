-- ratings_from_fields: the table ratings, from the good lines of the ratings file.
create or replace table ratings as
select
    user_id,
    movie_id,
    rating,
    rated_at
from rating_fields
where reason is null
order by line
