-- Held-out quality is not lower than in the run before by more than the share $max_quality_drop (--max-quality-drop), the whole 95 % interval of the change; if that is right, run once with --max-quality-drop 1.
with metrics as (
    select
        (metrics ->> '$.quality_before')::double as quality_before,
        (metrics ->> '$.quality_change')::double as change,
        (metrics ->> '$.quality_change_low')::double as change_low,
        (metrics ->> '$.quality_change_high')::double as change_high,
        (metrics ->> '$.n_quality_pairs')::integer as n_users
    from runs
    order by rowid desc
    limit 1
)

select
    n_users,
    round(quality_before, 4) as ndcg_before,
    round(quality_before * (1 + change), 4) as ndcg,
    round(change, 3) as change,
    round(change_low, 3) as change_low,
    round(change_high, 3) as change_high
from metrics
where change_high < -$max_quality_drop
