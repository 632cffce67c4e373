-- valid_id(id): the number as an integer id, null if it is none.
create or replace temp macro valid_id(id) as
case when id between 1 and 2147483647 and id = floor(id) then id::integer end
