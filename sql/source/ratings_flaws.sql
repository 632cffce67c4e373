-- ratings_flaws: one row, how many ratings hold a bad value, and how many do not come after the one before them.
with neighbours as (
    select
        user_id is null or movie_id is null or rating is null or rated_at is null as is_bad,
        user_id::bigint * 4294967296 + movie_id as pair,
        lag(pair) over () as pair_before
    from ratings
)

select
    count(*) as n_rows,
    count(*) filter (where is_bad) as n_bad,
    count(*) filter (where pair <= pair_before) as n_out_of_order
from neighbours
