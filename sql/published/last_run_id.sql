-- last_run_id: one row, the run that made the published tables, whatever their release.
select run_id
from main.runs
order by rowid desc
limit 1
