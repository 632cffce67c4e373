-- rejected_rows_of_file: one row, the number of bad lines of $file, and the first one.
select
    count(*) as n_rejected,
    min(line) as line,
    arg_min_null(reason, line) as reason,
    left(arg_min_null(text, line), 80) as text
from rejected_rows
where file = $file
