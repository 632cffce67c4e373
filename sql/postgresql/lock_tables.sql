-- lock_tables: locks all tables or, but for a moment, none; gives up after some attempts.
do $$
begin
    for attempt in 1..${attempts} loop
        begin
            lock table ${tables} in access exclusive mode;
            return;
        exception when lock_not_available then
            perform pg_sleep(0.3);
        end;
    end loop;
    raise lock_not_available using message = 'the tables are being read';
end
$$
