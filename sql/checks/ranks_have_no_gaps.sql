-- The ranks of a user's recommendations are 1, 2, ... without gaps.
select
    user_id,
    count(*) as n_recommendations,
    min(rank) as lowest_rank,
    max(rank) as highest_rank
from recommendations
group by user_id
having min(rank) <> 1 or max(rank) <> count(*) or count(distinct rank) <> count(*)
