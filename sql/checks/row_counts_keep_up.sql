-- No table has lost more than the share $max_drop (--max-drop) of the rows that it had in the run before.
with counts as (
    select
        unnest(['ratings', 'favourites', 'users with favourites']) as counted,
        unnest([n_ratings, n_favourites, n_users_with_favourites]) as n_rows,
        unnest([$n_ratings_before, $n_favourites_before, $n_users_with_favourites_before]) as n_rows_before
    from ratings_summary
)

select
    counted,
    n_rows,
    n_rows_before
from counts
where n_rows < n_rows_before * (1 - $max_drop)
