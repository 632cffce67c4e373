-- overlay: one row per row of a view that has changed since the retrain; a query sees one state of them.
-- name: name of the view.
-- content: the row, as JSON.
create view overlay as
with text as (
    select try(decode(content)) as content
    from read_blob(coalesce(getvariable('overlay'), $overlay_path))
    where
        getvariable('overlay') is not null
        or exists (
            select 1
            from duckdb_databases()
            where path in ($database_path, $version_path)
        )
),

held as (
    select
        unnest(
            case
                when json_valid(content) then from_json(
                    content,
                    '{"rows": [{"name": "VARCHAR", "since": "BIGINT", "until": "BIGINT", "content": "JSON"}]}'
                ).rows
            end,
            max_depth := 2
        )
    from text
)

select
    name,
    content
from held
where coalesce(held.since <= epoch_us(now()), true) and coalesce(held.until > epoch_us(now()), true)
