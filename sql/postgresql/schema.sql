-- schema: one row if there is a schema $1.
select nspname
from pg_catalog.pg_namespace
where nspname = $1
