-- published_columns: one row per column of the tables, with what the database says of both.
select
    tables.table_name,
    split(tables.comment, ' [run ')[1] as table_comment,
    columns.column_name,
    columns.data_type,
    columns.comment as column_comment
from duckdb_tables() as tables
inner join duckdb_columns() as columns using (table_oid)
order by tables.table_name, columns.column_index
