-- recommendations: those of the retrain, and new ones for users whose favourites changed since.
create or replace view recommendations as
with changed as (
    select
        unnest(
            from_json(
                content,
                '{"user_id": "INTEGER", "cluster": "INTEGER", "movie_ids": ["INTEGER"], "scores": ["FLOAT"],
              "item_scores": ["FLOAT"], "because": [["INTEGER"]]}'
            )
        )
    from overlay
    where name = 'recommendations'
),

ranked as (
    select
        changed.user_id,
        generate_subscripts(changed.movie_ids, 1)::integer as rank,
        unnest(changed.movie_ids) as movie_id,
        changed.cluster,
        unnest(changed.scores) as score,
        unnest(changed.item_scores) as item_score,
        unnest(changed.because) as because
    from changed
)

select
    recommendations_retrained.user_id,
    recommendations_retrained.rank,
    recommendations_retrained.movie_id,
    recommendations_retrained.title,
    recommendations_retrained.cluster,
    recommendations_retrained.score,
    recommendations_retrained.cluster_score,
    recommendations_retrained.item_score,
    recommendations_retrained.because
from recommendations_retrained
anti join changed using (user_id)
union all
select
    ranked.user_id,
    ranked.rank,
    ranked.movie_id,
    movies.title,
    ranked.cluster,
    ranked.score,
    ranked.score - ranked.item_score as cluster_score,
    ranked.item_score,
    ranked.because
from ranked
inner join movies using (movie_id)
