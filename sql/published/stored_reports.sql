-- stored_reports: one row per picture or page.
select
    name,
    content
from main.reports
order by name
