-- runs: one row per run that led to the published tables, the last first.
select
    run_id,
    started_at,
    finished_at,
    (metrics ->> '$.seconds')::double as seconds,
    config ->> 'source' as source
from runs
order by rowid desc
limit 50
