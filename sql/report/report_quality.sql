-- report_quality: one row per row of the table evaluation, without settings.
select
    protocol,
    split,
    recommender,
    at_edge,
    validation,
    n_tried,
    n_settings,
    note,
    seconds,
    metric,
    depth,
    value,
    low,
    high,
    n_users,
    difference,
    difference_low,
    difference_high,
    ratio,
    ratio_low,
    ratio_high
from evaluation
