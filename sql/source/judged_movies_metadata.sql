-- judged_movies_metadata: the table judged, one row per row of movies_metadata.csv, its id where that is valid,
-- and what is wrong with it, if anything.
create or replace temp table judged as
select
    line,
    len(regexp_split_to_array(title, '\r\n|\r|\n')) as n_lines,
    concat_ws(',', id, title, release_date, genres) as text,
    valid_id(try_cast(id as double)) as valid,
    case
        when n_fields <> width then 'has ' || n_fields || ' columns, not ' || width
        when valid is null then 'id is not a whole number from 1 to 2147483647'
        when contains(concat(title, genres), chr(65533)) then 'is not UTF-8 text'
        when trim(coalesce(title, '')) = '' then 'has no title'
        when n_lines > 1 then 'is ' || n_lines || ' lines, as a quote in its title opens and does not close'
    end as flaw
from movies_metadata_rows
