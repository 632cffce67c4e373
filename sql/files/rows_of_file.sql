-- rows_of_file: one row per row of the file number $file: a rating, or a bad line with the reason.
select
    $file::integer as file,
    $name::varchar as name,
    row_number() over () as place,
    user_id,
    movie_id,
    rating,
    rated_at,
    null::varchar as reason,
    null::varchar as text
from ratings
union all
select
    $file::integer as file,
    $name::varchar as name,
    line as place,
    null::integer as user_id,
    null::integer as movie_id,
    null::float as rating,
    null::timestamp as rated_at,
    reason,
    text
from rejected_rows
