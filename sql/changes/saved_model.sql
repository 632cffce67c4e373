-- saved_model: one row per array of the model of the retrain.
select
    name,
    dtype,
    n_rows,
    n_columns,
    is_matrix,
    content
from model
