-- table_sizes: one row per published table, the rows that DuckDB takes it to have, and its comment.
select
    table_name,
    estimated_size,
    comment
from duckdb_tables()
