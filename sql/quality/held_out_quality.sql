-- held_out_quality: one row per user of whom a fifth of the favourites was held out, so that this run had to find them.
-- user_id: id of the user; those with the lowest hashes of their ids, so that two runs share most of them.
-- ndcg: NDCG@10 with the settings that the run chose, among the most favourited movies.
create or replace table held_out_quality as
select
    user_id,
    ndcg
from held_out_rows
order by user_id
