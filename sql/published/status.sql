-- status: one row, the run that made the published tables and how many rows these have.
select
    runs.run_id,
    runs.finished_at,
    (runs.metrics ->> '$.seconds')::double as seconds,
    summary.n_ratings,
    summary.n_favourites,
    summary.n_users,
    summary.n_users_with_favourites,
    (select count(*) from main.recommendations_retrained) as n_recommendations,
    (
        select max(quality)
        from main.elbow
        where is_fine
    ) as quality
from main.runs as runs
cross join main.ratings_summary as summary
order by runs.rowid desc
limit 1
