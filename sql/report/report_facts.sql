-- report_facts: one row, the run that made these tables: what it read, with what options, what it made, how long.
select
    ratings_summary.run_id,
    runs.started_at,
    runs.finished_at,
    runs.config::varchar as config,
    runs.versions::varchar as versions,
    runs.metrics::varchar as metrics,
    ratings_summary.n_rows_read,
    ratings_summary.n_rejected,
    ratings_summary.n_superseded,
    ratings_summary.n_ratings,
    ratings_summary.n_favourites,
    ratings_summary.n_users,
    ratings_summary.n_users_with_favourites,
    ratings_summary.n_movies,
    ratings_summary.n_movies_favourited,
    (select count(*) from recommendations) as n_recommendations,
    (select count(*) from rejected_rows) as n_rejected_rows
from ratings_summary
inner join runs using (run_id)
