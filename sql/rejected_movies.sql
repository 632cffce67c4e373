-- rejected_movies: adds the bad rows of movies.csv to rejected_rows.
insert into rejected_rows
with judged as (
    select
        line,
        concat_ws(',', "movieId", title, genres) as text,
        case
            when n_fields <> width then 'has ' || n_fields || ' columns, not ' || width
            when valid_id(try_cast("movieId" as double)) is null then 'movieId is not a whole number from 1 to 2147483647'
            when coalesce(title, '') = '' then 'has no title'
            when row_number() over (partition by try_cast("movieId" as double) order by line) > 1
                then 'movieId is there a second time'
        end as reason
    from movies_rows
)

select
    'movies.csv' as file,
    line,
    reason,
    left(text, 1000) as text
from judged
where reason is not null
order by line
