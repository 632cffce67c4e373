-- report_quality: the rows of the tables of quality, 10 recommendations a user.
select
    split,
    recommender,
    metric,
    value,
    low,
    high
from evaluation
where depth = 10 and metric <> 'novelty'
