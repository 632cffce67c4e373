-- report_rejected_rows: the first $n lines that were set aside.
select
    file,
    line,
    reason,
    text
from rejected_rows
order by file, line
limit $n
