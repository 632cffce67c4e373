-- report_elbow: the rows of the elbow picture.
select
    n_clusters,
    wcss,
    difference,
    quality,
    is_elbow,
    is_chosen,
    is_fine
from elbow
order by n_clusters
