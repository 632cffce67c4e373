-- rejected_links: adds the bad rows of links.csv to rejected_rows; a missing IMDb or TMDB id is not bad.
insert into rejected_rows
with judged as (
    select
        line,
        concat_ws(',', "movieId", "imdbId", "tmdbId") as text,
        valid_id(try_cast("movieId" as double)) as id,
        case
            when n_fields <> width then 'has ' || n_fields || ' columns, not ' || width
            when id is null then 'movieId is not a whole number from 1 to 2147483647'
            when coalesce("imdbId", '') <> '' and not regexp_full_match("imdbId", '(tt)?\d{1,10}')
                then 'imdbId is not a number of up to 10 digits'
            when coalesce("tmdbId", '') <> '' and valid_id(try_cast("tmdbId" as double)) is null
                then 'tmdbId is not a whole number from 1 to 2147483647'
        end as flaw
    from links_rows
),

compared as (
    select
        line,
        text,
        flaw,
        row_number() over (partition by id, flaw is null order by line) as place
    from judged
)

select
    'links.csv' as file,
    line,
    coalesce(flaw, 'movieId is there a second time') as reason,
    left(text, 1000) as text
from compared
where flaw is not null or place > 1
order by line
