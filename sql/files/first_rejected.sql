-- first_rejected: the first bad line of the files.
select
    name,
    place,
    reason,
    substring(text, 1, 80) as text
from file_rows
where reason is not null
order by file, place
limit 1
