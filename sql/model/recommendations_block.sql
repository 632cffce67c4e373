-- recommendations_block: adds the recommendations of a block of users to recommendations.
insert into recommendations
select
    recommendation_rows.user_id,
    recommendation_rows.rank,
    recommendation_rows.movie_id,
    movies.title,
    recommendation_rows.cluster,
    recommendation_rows.score,
    recommendation_rows.cluster_score,
    recommendation_rows.item_score,
    recommendation_rows.because
from recommendation_rows
inner join movies on recommendation_rows.movie_id = movies.movie_id
order by recommendation_rows.user_id, recommendation_rows.rank
