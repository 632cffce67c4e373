-- rejected_movies: adds the bad rows of movies.csv to rejected_rows.
insert into rejected_rows
with judged as (
    select
        line,
        concat_ws(',', "movieId", title, genres) as text,
        valid_id(try_cast("movieId" as double)) as id,
        case
            when n_fields <> width then 'has ' || n_fields || ' columns, not ' || width
            when id is null then 'movieId is not a whole number from 1 to 2147483647'
            when contains(concat(title, genres), chr(65533)) then 'is not UTF-8 text'
            when trim(coalesce(title, '')) = '' then 'has no title'
            when regexp_matches(title, '[\r\n]') then 'has a line end in its title'
        end as flaw
    from movies_rows
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
    'movies.csv' as file,
    line,
    coalesce(flaw, 'movieId is there a second time') as reason,
    left(text, 1000) as text
from compared
where flaw is not null or place > 1
order by line
