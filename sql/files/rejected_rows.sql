-- rejected_rows: one row per line of an input file that was set aside.
-- file: name of the file.
-- line: number of the line, 1 for the header; for Parquet the number of the row.
-- reason: what is wrong with it.
-- text: the line, its first 1,000 characters.
create or replace table rejected_rows as
select
    name as file,
    place as line,
    reason,
    text
from file_rows
where reason is not null
order by file, line
