-- exported_tables: one row per table of the schema $1 in PostgreSQL and what its comment says; those of others have
-- none of ours.
select
    tables.relname as name,
    coalesce(obj_description(tables.oid, 'pg_class'), '') as comment
from pg_catalog.pg_class as tables
inner join pg_catalog.pg_namespace as schemas on tables.relnamespace = schemas.oid
where schemas.nspname = $1 and tables.relkind in ('r', 'p', 'v', 'm', 'f')
