-- rejected_judged: adds the bad rows of judged, which come from $file, to rejected_rows; of two rows with one id the
-- first good one counts.
insert into rejected_rows
with compared as (
    select
        line,
        text,
        flaw,
        row_number() over (partition by valid, flaw is null order by line) as place
    from judged
)

select
    $file,
    line,
    coalesce(flaw, $id_column || ' is there a second time') as reason,
    left(text, 1000) as text
from compared
where flaw is not null or place > 1
order by line
