-- rating_lines_from_parquet: the table rating_lines, one row per row of a Parquet file.
create or replace temp table rating_lines as
with texts as (
    select
        file_row_number,
        columns(* exclude (file_row_number))::varchar
    from read_parquet($source, file_row_number = true, hive_partitioning = false)
),

listed as (
    select
        file_row_number + 1 as line,
        [coalesce(field, '') for field in list_value(*columns(* exclude (file_row_number)))] as fields
    from texts
)

select
    line,
    array_to_string(fields, ',') as text,
    fields
from listed
