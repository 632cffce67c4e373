-- rating_fields: one row per line of the ratings file, its values and, if it is bad, the reason.
create or replace temp table rating_fields as
with split as (
    select
        line,
        text,
        list_transform(
            string_split(rtrim(text, ','), ','),
            lambda field: regexp_replace(field, '^\s*"([^"]*)"\s*$', '\1')
        ) as fields
    from rating_lines
),

read as (
    select
        line,
        text,
        fields,
        valid_id(try_cast(fields[$user_place] as double)) as user_id,
        valid_id(try_cast(fields[$movie_place] as double)) as movie_id,
        valid_rating(try_cast(fields[$rating_place] as double)) as rating,
        valid_time(try_cast(fields[$time_place] as bigint)) as rated_at
    from split
)

select
    line,
    text,
    user_id,
    movie_id,
    rating,
    rated_at,
    case
        when contains(text, chr(65533)) or contains(text, chr(0)) then 'not UTF-8 text'
        when len(fields) <> $n_columns then 'has ' || len(fields) || ' columns, not ' || $n_columns
        when user_id is null then 'userId is not a whole number from 1 to 2147483647'
        when movie_id is null then 'movieId is not a whole number from 1 to 2147483647'
        when rating is null then 'rating is not 0.5 to 5.0 in halves'
        when rated_at is null and $time_place > 0 then 'timestamp is not in seconds between 1970 and 2100'
    end as reason
from read
