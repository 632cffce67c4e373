-- exported_changes: one row per user whose lists were changed already when they were exported.
select user_id
from ${lists}
