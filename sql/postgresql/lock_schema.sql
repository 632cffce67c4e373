-- lock_schema: waits until no other export works in the schema $1.
select pg_advisory_xact_lock(hashtext('cinecluster'), hashtext($1))::text
