-- movies: one row per movie that is rated, listed in movies.csv or in the log of favourites.
-- movie_id: MovieLens id.
-- title: title with the year in brackets; "(movie <movie_id>)" where no file has one.
-- year: year of release, null if unknown.
-- genres: list of genre names, empty if none are known.
-- imdb_id: id at IMDb, such as tt0114709, null if unknown.
-- tmdb_id: id at TMDB, null if unknown.
create or replace table movies as
with listed as (
    select
        "movieId"::double::integer as movie_id,
        trim(title) as title,
        try_cast(nullif(regexp_extract(title, '\((\d{4})\)\s*$', 1), '') as integer) as year,
        case
            when genres is null or genres in ('', '(no genres listed)') then []::varchar[]
            else string_split(genres, '|')
        end as genres
    from movies_rows
    where not exists (
        select 1 from rejected_rows
        where rejected_rows.file = 'movies.csv' and rejected_rows.line = movies_rows.line
    )
),

linked as (
    select
        "movieId"::double::integer as movie_id,
        'tt' || nullif(regexp_replace("imdbId", '^tt', ''), '') as imdb_id,
        valid_id(try_cast("tmdbId" as double)) as tmdb_id
    from links_rows
    where not exists (
        select 1 from rejected_rows
        where rejected_rows.file = 'links.csv' and rejected_rows.line = links_rows.line
    )
),

described as (
    select
        id::double::integer as tmdb_id,
        trim(title) as title,
        year(try_cast(release_date as date))::integer as year,
        regexp_extract_all(genres, '''name'': [''"]([^''"]*)[''"]', 1) as genres
    from movies_metadata_rows
    where not exists (
        select 1 from rejected_rows
        where rejected_rows.file = 'movies_metadata.csv' and rejected_rows.line = movies_metadata_rows.line
    )
),

known as (
    select movie_id from listed
    union
    select movie_id from ratings
    union
    select movie_id from favourites_log
)

select
    known.movie_id,
    coalesce(
        listed.title,
        described.title || coalesce(' (' || described.year || ')', ''),
        '(movie ' || known.movie_id || ')'
    ) as title,
    coalesce(listed.year, described.year) as year,
    coalesce(nullif(listed.genres, []::varchar[]), described.genres, []::varchar[]) as genres,
    linked.imdb_id,
    linked.tmdb_id
from known
left join listed using (movie_id)
left join linked using (movie_id)
left join described on linked.tmdb_id = described.tmdb_id
order by known.movie_id
