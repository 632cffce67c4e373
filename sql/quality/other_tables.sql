-- other_tables: one row per table, in any schema, that an evaluation does not make.
select table_name
from duckdb_tables()
where table_name <> 'evaluation'
