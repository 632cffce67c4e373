-- reports: one row per picture that was drawn of these tables, and one for the page that shows them, index.html.
-- name: file name.
-- content: the bytes of the file.
create or replace table reports (name varchar, content blob)
