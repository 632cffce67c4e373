-- rejected_ratings: adds the bad lines of the ratings file to rejected_rows.
insert into rejected_rows
select
    $file,
    line,
    reason,
    left(text, 1000)
from rating_fields
where reason is not null
order by line
