-- rejected_rows: one row per line of an input file that was set aside.
-- file: name of the file.
-- line: number of the line, 1 for the header; for Parquet, number of the row.
-- reason: what is wrong with it.
-- text: the line, its first 1,000 characters.
create or replace table rejected_rows (file varchar, line bigint, reason varchar, text varchar)
