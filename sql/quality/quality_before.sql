-- quality_before: one row per user whose quality the published run measured, with the movies that were favourites then.
select
    held_out_quality.user_id,
    held_out_quality.ndcg,
    list(favourites_retrained.movie_id) as movie_ids
from main.held_out_quality as held_out_quality
inner join main.favourites_retrained as favourites_retrained using (user_id)
group by all
