-- rating_fields: one row per line of a block of the ratings file, its values and, if it is bad, the reason.
-- Empty fields beyond the columns of the header are allowed.
create or replace temp table rating_fields as
with read as (
    select
        line,
        text,
        fields,
        valid_id(try_cast(fields[$user_place] as double)) as user_id,
        valid_id(try_cast(fields[$movie_place] as double)) as movie_id,
        valid_rating(try_cast(fields[$rating_place] as double)) as rating,
        valid_time(try_cast(fields[$time_place] as double)) as rated_at
    from rating_lines
)

select
    line,
    text,
    user_id,
    movie_id,
    rating,
    rated_at,
    case
        when strlen(text) > $longest_line then 'is longer than ' || $longest_line || ' bytes'
        when contains(text, chr(65533)) or contains(text, chr(0)) then 'is not UTF-8 text'
        when len(fields) < $n_columns or array_to_string(fields[$n_columns + 1:], '') <> ''
            then 'has ' || len(fields) || ' columns, not ' || $n_columns
        when user_id is null then 'userId is not a whole number from 1 to 2147483647'
        when movie_id is null then 'movieId is not a whole number from 1 to 2147483647'
        when rating is null then 'rating is not 0.5 to 5.0 in halves'
        when rated_at is null and $time_place > 0 then 'timestamp is not in seconds between 1970 and 2100'
    end as reason
from read
