-- judged_links: the table judged, one row per row of links.csv, its id where that is valid, and what is
-- wrong with it, if anything; a missing IMDb or TMDB id is not wrong.
create or replace temp table judged as
select
    line,
    concat_ws(',', "movieId", "imdbId", "tmdbId") as text,
    valid_id(try_cast("movieId" as double)) as valid,
    case
        when n_fields <> width then 'has ' || n_fields || ' columns, not ' || width
        when valid is null then 'movieId is not a whole number from 1 to 2147483647'
        when coalesce("imdbId", '') <> '' and not regexp_full_match("imdbId", '(tt)?\d{1,10}')
            then 'imdbId is not a number of up to 10 digits'
        when coalesce("tmdbId", '') <> '' and valid_id(try_cast("tmdbId" as double)) is null
            then 'tmdbId is not a whole number from 1 to 2147483647'
    end as flaw
from links_rows
