-- knows_why: one row, whether the published file says why movies are recommended; one of 0.1.0 does not.
select count(*) > 0 as knows_why
from system.main.duckdb_functions()
where database_name = current_database() and schema_name = 'main' and function_name = 'why'
