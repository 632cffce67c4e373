-- published_tables: one row per table of the database, by name.
select table_name
from duckdb_tables()
where not internal
order by table_name
