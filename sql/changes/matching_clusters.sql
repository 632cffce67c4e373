-- matching_clusters: one row per new user and fine cluster, how much of the user's favourites its users share.
select
    net_changes.user_id,
    fine_cluster_movies_retrained.fine_cluster,
    sum(fine_cluster_movies_retrained.n_users / fine_clusters_retrained.n_users) as share
from net_changes
inner join changed_users using (user_id)
inner join fine_cluster_movies_retrained using (movie_id)
inner join fine_clusters_retrained using (fine_cluster)
where changed_users.is_new
group by all
