-- rating_lines: one row per line of the ratings file, its number and text.
create or replace temp table rating_lines (line bigint, text varchar)
