-- drop_report: reports without the row called $report, if there is one.
delete from reports
where name = $report
