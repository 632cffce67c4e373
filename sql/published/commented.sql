-- commented: one row per table, view or macro that gets its comments from the statement that makes it.
select
    'table' as kind,
    table_name as relation
from duckdb_tables()
where not internal
union all
select
    'view' as kind,
    view_name as relation
from duckdb_views()
where not internal and not temporary
union all
select
    'macro table' as kind,
    function_name as relation
from duckdb_functions()
where not internal and function_type = 'table_macro' and database_name <> 'temp'
