-- model: one row per array that the retrain learned, to place users and score movies with.
-- name: name of the array, see Model in tasks/model/types.py.
-- dtype: type of its elements; json for the numbers of the formula of the score.
-- n_rows: length of its first dimension.
-- n_columns: length of its second dimension, 0 where there is none.
-- is_matrix: whether it has two dimensions.
-- content: its elements as bytes, little endian, row by row.
create or replace table model as
select
    name,
    dtype,
    n_rows,
    n_columns,
    is_matrix,
    content
from model_rows
