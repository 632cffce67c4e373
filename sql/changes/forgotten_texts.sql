-- forgotten_texts: one row per row set aside that has lost its text.
select text
from published.main.rejected_rows
anti join rewritten.main.rejected_rows as kept using (file, line, text)
