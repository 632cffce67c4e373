-- judged_movies: the table judged, one row per row of movies.csv, its id where that is valid, and what is wrong with
-- it, if anything.
create or replace temp table judged as
select
    line,
    concat_ws(',', "movieId", title, genres) as text,
    valid_id(try_cast("movieId" as double)) as valid,
    case
        when n_fields <> width then 'has ' || n_fields || ' columns, not ' || width
        when valid is null then 'movieId is not a whole number from 1 to 2147483647'
        when contains(concat(title, genres), chr(65533)) then 'is not UTF-8 text'
        when trim(coalesce(title, '')) = '' then 'has no title'
        when regexp_matches(title, '[\r\n]') then 'has a line end in its title'
    end as flaw
from movies_rows
