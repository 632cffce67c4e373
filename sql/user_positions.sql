-- user_positions: one row per user with favourites, and the user's row in the incidence, by ascending id.
create or replace temp view user_positions as
select
    user_id,
    (row_number() over (order by user_id) - 1)::integer as user_position
from (select distinct user_id from favourites)
