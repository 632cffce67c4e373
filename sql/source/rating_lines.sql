-- rating_lines: one row per line of a block of the ratings file, its number, text and fields.
create or replace temp table rating_lines as
select
    line,
    text,
    case
        when contains(text, '"')
            then list_transform(
                string_split(text, ','),
                lambda field: regexp_replace(field, '^\s*"([^"]*)"\s*$', '\1')
            )
        else string_split(text, ',')
    end as fields
from lines
