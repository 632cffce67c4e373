-- views_and_macros: one row per view and table macro of the database, with what `comment on` calls it.
select
    'view' as kind,
    view_name as name
from duckdb_views()
where not internal and not temporary
union all
select
    'macro table' as kind,
    function_name as name
from duckdb_functions()
where function_type = 'table_macro' and database_name = current_database()
