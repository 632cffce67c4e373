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
    (runs.metrics ->> '$.quality')::double as quality,
    (runs.metrics ->> '$.quality_change')::double as quality_change,
    (runs.metrics ->> '$.quality_change_low')::double as quality_change_low,
    (runs.metrics ->> '$.quality_change_high')::double as quality_change_high
from main.runs as runs
cross join main.ratings_summary as summary
order by runs.rowid desc
limit 1
