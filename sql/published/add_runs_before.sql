-- add_runs_before: runs with the rows of the runs before this one.
insert into runs by name
from history
