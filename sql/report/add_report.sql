-- add_report: reports with one row more, a picture or page.
insert into reports
values ($report, $content)
