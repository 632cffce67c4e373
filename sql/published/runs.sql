-- runs: one row per run, the one that made these tables and those before it.
-- run_id: id of the run.
-- started_at: start (UTC).
-- finished_at: end of the building of the tables (UTC).
-- schema_version: version of the stable tables, columns and macros that docs/tables.md lists; null for runs of 0.1.0.
-- config: every option of the run.
-- versions: versions of Python and of the libraries.
-- metrics: counts, durations in seconds, measures of the clusters, the strength of the item model for all users, and
-- held-out quality with its change since the run before.
create or replace table runs (
    run_id varchar,
    started_at timestamp,
    finished_at timestamp,
    schema_version varchar,
    config json,
    versions json,
    metrics json
)
