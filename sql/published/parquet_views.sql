-- parquet_views: one row per table of the retrain that is a Parquet file, with the comment on its view.
select
    view_name,
    comment
from system.main.duckdb_views()
where
    database_name = current_database()
    and schema_name = 'main'
    and not temporary
    and (view_name = 'ratings' or ends_with(view_name, '_retrained'))
order by view_name
