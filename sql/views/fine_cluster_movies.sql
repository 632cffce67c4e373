-- fine_cluster_movies: those of the retrain, with the current counts.
create or replace view fine_cluster_movies as
with changed as (
    select
        unnest(
            from_json(
                content,
                '{"fine_cluster": "INTEGER", "movie_id": "INTEGER", "n_users": "INTEGER", "n_near": "INTEGER"}'
            )
        )
    from overlay
    where name = 'fine_cluster_movies'
)

select
    fine_cluster,
    movie_id,
    n_users,
    n_near
from fine_cluster_movies_retrained
anti join changed using (fine_cluster, movie_id)
union all
select
    fine_cluster,
    movie_id,
    n_users,
    n_near
from changed
where n_users + n_near > 0
