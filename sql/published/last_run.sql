-- last_run: one row, the run that made the published tables.
select
    run_id,
    config,
    metrics
from main.runs
order by rowid desc
limit 1
