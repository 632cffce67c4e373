"""The chapter on the tables in ``docs/sql.md``, made of the comments in the database.

``python -m tasks.report.write_docs data/cinecluster.duckdb`` writes it; a run with ``--evaluate`` has all tables.
"""

import sys
from itertools import groupby
from pathlib import Path

from tasks.engine.duckdb import run
from tasks.published.read import connect_to_published

DOCUMENT = Path("docs/sql.md")
BEGIN = "<!-- Written by `python -m tasks.report.write_docs DATABASE`: change the comments in sql/ instead. -->\n"
END = "<!-- The end of what is written by it. -->\n"


def tables_in_markdown(database: Path) -> str:
    """Return a heading, a sentence and a list of columns for each table of a database."""
    with connect_to_published(database) as connection:
        columns = run(connection, "published/published_columns")
    parts = []
    for (table, comment), of_table in groupby(columns, key=lambda row: row[:2]):
        rows = [f"| `{name}` | {kind.lower()} | {cell(text)} |" for _, _, name, kind, text in of_table]
        sentence = cell(comment)
        head = f"### {table}\n\n{sentence[:1].upper()}{sentence[1:]}\n\n| column | type | what it is |\n|---|---|---|\n"
        parts.append(head + "\n".join(rows) + "\n")
    return "\n".join(parts)


def cell(comment: str | None) -> str:
    """Return a comment as Markdown that fits into the cell of a table."""
    return (comment or "").replace("|", "\\|").replace("*", "\\*").replace("_", "\\_")


def with_chapter(document: str, chapter: str) -> str:
    """Return the document with the chapter between its two marks."""
    before, rest = document.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{chapter}\n{END}{after}"


if __name__ == "__main__":
    written = with_chapter(DOCUMENT.read_text(encoding="utf-8"), tables_in_markdown(Path(sys.argv[1])))
    DOCUMENT.write_text(written, encoding="utf-8")
