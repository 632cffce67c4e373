-- movie_positions: one row per favourited movie, and its column in the interactions: 0 for the most favourited one; of
-- equal ones the lower movie_id comes first.
create or replace table movie_positions as
with counts as (
    select
        movie_id,
        count(*)::integer as n_users
    from favourites
    group by movie_id
)

select
    movie_id,
    n_users,
    (row_number() over (order by n_users desc, movie_id) - 1)::integer as movie_position
from counts
order by movie_position
