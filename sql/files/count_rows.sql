-- count_rows: one row, how many rows the files have, and how many of them are bad.
select
    count(*) as n_rows,
    count(reason) as n_rejected
from file_rows
