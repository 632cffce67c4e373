-- report_quality: one row per row of the table evaluation, without settings.
select * exclude (setting)
from evaluation
