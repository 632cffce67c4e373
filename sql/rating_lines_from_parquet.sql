-- rating_lines_from_parquet: the table rating_lines, one row of a Parquet file written as a line of CSV.
create or replace temp table rating_lines as
select
    file_row_number + 1 as line,
    concat_ws(
        ',',
        coalesce("userId"::varchar, ''),
        coalesce("movieId"::varchar, ''),
        coalesce(rating::varchar, ''),
        coalesce("timestamp"::varchar, '')
    ) as text
from read_parquet($source, file_row_number = true)
