-- published_columns: one row per column of the tables and views that people query, with what the database says of both.
with published as (
    select
        table_oid as oid,
        table_name as name,
        comment
    from duckdb_tables()
    where database_name = current_database() and schema_name = 'main' and not ends_with(table_name, '_retrained')
    union all
    select
        view_oid as oid,
        view_name as name,
        comment
    from duckdb_views()
    where
        database_name = current_database()
        and schema_name = 'main'
        and not internal
        and not temporary
        and not ends_with(view_name, '_retrained')
        and view_name not in ('overlay', 'seen')
)

select
    published.name as table_name,
    split(published.comment, ' [run ')[1] as table_comment,
    columns.column_name,
    columns.data_type,
    columns.comment as column_comment
from published
inner join duckdb_columns() as columns on published.oid = columns.table_oid
order by published.name, columns.column_index
