-- runs_as_text: one row per run, oldest first, every column as text.
select columns(*)::varchar
from runs
