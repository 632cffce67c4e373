-- overlay: one row per row of a view that has changed since the retrain; a query sees one state of them.
-- name: name of the view.
-- content: the row, as JSON.
create view overlay as
with held as (
    select
        unnest(
            try(
                from_json(
                    decode(content),
                    '{"rows": [{"name": "VARCHAR", "since": "BIGINT", "until": "BIGINT", "content": "JSON"}]}'
                )
            ).rows,
            max_depth := 2
        )
    from read_blob(coalesce(getvariable('overlay'), $overlay_path))
    where
        getvariable('overlay') is not null
        or exists (
            select 1
            from duckdb_databases()
            where path in ($database_path, $version_path)
        )
)

select
    held.name,
    held.content
from held
where epoch_us(now()) between coalesce(held.since, 0) and coalesce(held.until - 1, 9223372036854775807)
