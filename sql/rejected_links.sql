-- rejected_links: adds the bad rows of links.csv to rejected_rows; a missing IMDb or TMDB id is not bad.
insert into rejected_rows
with judged as (
    select
        line,
        concat_ws(',', "movieId", "imdbId", "tmdbId") as text,
        case
            when n_fields <> width then 'has ' || n_fields || ' columns, not ' || width
            when valid_id(try_cast("movieId" as double)) is null then 'movieId is not a whole number from 1 to 2147483647'
            when coalesce("tmdbId", '') <> '' and valid_id(try_cast("tmdbId" as double)) is null
                then 'tmdbId is not a whole number from 1 to 2147483647'
            when row_number() over (partition by try_cast("movieId" as double) order by line) > 1
                then 'movieId is there a second time'
        end as reason
    from links_rows
)

select
    'links.csv' as file,
    line,
    reason,
    left(text, 1000) as text
from judged
where reason is not null
order by line
