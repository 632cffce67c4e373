-- published_tables: one row per table or view that people query, by name; not the tables that views combine.
select table_name
from information_schema.tables
where
    table_catalog = current_database()
    and table_schema = 'main'
    and not ends_with(table_name, '_retrained')
    and table_name not in ('overlay', 'seen')
order by table_name
