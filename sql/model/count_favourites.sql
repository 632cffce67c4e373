-- count_favourites: one row, the number of favourites.
select count(*) as n
from favourites
