-- rejected_rows_without_user: one row per row set aside, without the text of the lines that may be of $user_id.
insert into rewritten.main.rejected_rows
select
    file,
    line,
    reason,
    case
        when
            not starts_with(file, 'ratings')
            or not regexp_matches(text, concat('(^|[^0-9.])0*', $user_id::integer, '([^0-9]|$)'))
            then text
    end as text
from published.main.rejected_rows
