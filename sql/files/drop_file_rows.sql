-- drop_file_rows: rows of files serve the building of the tables alone.
drop table file_rows
