-- rewritten_report: reports with one row more, a picture or page.
insert into rewritten.main.reports
values ($report, $content)
