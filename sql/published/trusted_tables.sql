-- trusted_tables: one row per table of the published file; no views, and none of other schemas.
select table_name
from system.main.duckdb_tables()
where database_name = current_database() and schema_name = 'main' and not temporary
