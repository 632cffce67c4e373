-- count_ratings: one row, the number of ratings.
select count(*) as n
from ratings
