-- Rows read = ratings + superseded + rejected.
select
    n_rows_read,
    n_ratings,
    n_superseded,
    n_rejected
from ratings_summary
where n_rows_read <> n_ratings + n_superseded + n_rejected
