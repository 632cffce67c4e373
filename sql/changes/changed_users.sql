-- changed_users: one row per user with their first favourite since the retrain, or with none left.
create or replace temp table changed_users as
with changes as (
    select
        user_id,
        sum(case when is_favourite then 1 else -1 end) as n_more
    from net_changes
    group by user_id
),

before as (
    select
        user_id,
        count(*) as n_favourites
    from favourites_retrained
    semi join changes using (user_id)
    group by user_id
)

select
    changes.user_id,
    before.user_id is null as is_new
from changes
left join before using (user_id)
where before.user_id is null or before.n_favourites + changes.n_more = 0
order by changes.user_id
