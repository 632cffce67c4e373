-- add_run: runs with one row more, this run.
insert into runs
values ($run_id, $started_at, $finished_at, $schema_version, $config, $versions, $metrics)
