-- valid_time(seconds): seconds since 1970 as a timestamp (UTC), whole seconds; null unless between 1970 and 2100.
create or replace temp macro valid_time(seconds) as
case when seconds between 0 and 4102444799 then make_timestamp(floor(seconds)::bigint * 1000000) end
