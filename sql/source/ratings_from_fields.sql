-- ratings_from_fields: adds the good lines of a block of the ratings file to the table ratings.
insert into ratings
select
    user_id,
    movie_id,
    rating,
    rated_at
from rating_fields
where reason is null
order by line
