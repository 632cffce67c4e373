-- new_user_favourites: one row per new user and favourite, with the movie's taste at the retrain.
select
    net_changes.user_id,
    net_changes.movie_id,
    overall_favourites_retrained.taste
from net_changes
inner join changed_users using (user_id)
left join overall_favourites_retrained using (movie_id)
where changed_users.is_new
order by net_changes.user_id, net_changes.movie_id
