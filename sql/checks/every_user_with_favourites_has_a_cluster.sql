-- Every user with favourites has a cluster.
select distinct favourites.user_id
from favourites
anti join user_clusters using (user_id)
