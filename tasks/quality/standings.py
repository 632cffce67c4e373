"""The evaluation in words: who is better, and whether that may be chance."""

from typing import Any, NamedTuple

import polars as pl

OURS = "cinecluster"
DASH = "\N{EN DASH}"
MAIN: dict[str, tuple[str, int]] = {
    "known users": ("NDCG", 10),
    "strong": ("NDCG", 100),
    "new users": ("NDCG", 10),
    "rare movies": ("Recall", 50),
}
TITLES = {
    ("known users", "random"): "Favourites held out at random",
    ("known users", "temporal"): "The latest favourites of each user held out",
    ("known users", "cut"): "All favourites after one moment held out",
    ("strong", "unseen users"): "Users held out, placed by four fifths of their favourites",
}
APART = {"new users": ("New users", "known"), "rare movies": ("Rare movies, among themselves", "learned from")}
SHOWN = ("NDCG", "Recall", "coverage")


class Standing(NamedTuple):
    """How the recommenders did on one split, as text.

    title : what was held out.
    finding : how cinecluster did against the baseline that is best on validation.
    columns, rows : a table, the best recommender first.
    notes : what did not run, and why; what was tuned to the edge of its grid.
    """

    title: str
    finding: str
    columns: list[str]
    rows: list[list[str]]
    notes: list[str]


def standings(evaluation: pl.DataFrame) -> list[Standing]:
    """Return the standings of each split of a table ``evaluation``, in its order."""
    compared = evaluation.filter(~pl.col("protocol").is_in(list(APART)))
    found = [
        standing_of(str(protocol), str(split), rows)
        for (protocol, split), rows in compared.group_by("protocol", "split", maintain_order=True)
    ]
    apart = {name: evaluation.filter(pl.col("protocol") == name) for name in APART}
    return found + [standing_apart(name, rows) for name, rows in apart.items() if rows.height]


def standing_apart(protocol: str, rows: pl.DataFrame) -> Standing:
    """Return the standings of a protocol in which cinecluster is compared with one other on several splits."""
    main = main_rows(rows, protocol)
    metric, depth = MAIN[protocol]
    pairs = [group.to_dicts() for _, group in main.group_by("split", maintain_order=True)]
    columns = [APART[protocol][1], f"{metric}@{depth}", pairs[0][1]["recommender"], "cinecluster is"]
    table = [[own["split"], interval_of(own), interval_of(other), verdict(other)] for own, other in pairs]
    return Standing(APART[protocol][0], "", columns, table, [])


def standing_of(protocol: str, split: str, rows: pl.DataFrame) -> Standing:
    """Return the standings of one split."""
    title = title_of(protocol, split)
    main = main_rows(rows, protocol).sort("value", descending=True)
    notes = notes_of(rows, "at_edge", "tuned to the edge of the grid: ") + notes_of(rows, "note", "")
    if main.is_empty():
        return Standing(title, notes[0] if notes else "", [], [], [])
    depth = main["depth"][0]
    shown = rows.filter(pl.col("metric").is_in(SHOWN) & ((pl.col("depth") == depth) | (pl.lit(protocol == "strong"))))
    measures = shown.select("metric", "depth").unique(maintain_order=True).rows()
    measures.sort(key=lambda one: (one != (main["metric"][0], depth), SHOWN.index(one[0]), one[1]))
    cells = {(row["recommender"], row["metric"], row["depth"]): row for row in shown.to_dicts()}
    columns = ["recommender", f"{measures[0][0]}@{depth}", "cinecluster is", *(f"{m}@{d}" for m, d in measures[1:])]
    table = [
        [
            row["recommender"],
            interval_of(row),
            verdict(row),
            *(f"{cells[row['recommender'], *one]['value']:.3f}" for one in measures[1:]),
        ]
        for row in main.to_dicts()
    ]
    return Standing(title, finding_of(main), columns, table, notes)


def title_of(protocol: str, split: str) -> str:
    """Return what was held out, in words."""
    return TITLES.get((protocol, split), f"{protocol}, {split}")


def main_rows(rows: pl.DataFrame, protocol: str) -> pl.DataFrame:
    """Return the rows of the measure that counts most."""
    metric, depth = MAIN.get(protocol, ("NDCG", 10))
    return rows.filter((pl.col("metric") == metric) & (pl.col("depth") == depth))


def strongest(main: pl.DataFrame) -> dict[str, Any] | None:
    """Return the row of the baseline that is best on validation, or else of the best of the others; None if alone."""
    others = main.filter(pl.col("recommender") != OURS)
    tuned = others.filter(pl.col("validation").is_not_null())
    best = tuned.sort("validation") if tuned.height else others.sort("value")
    return best.row(-1, named=True) if best.height else None


def finding_of(main: pl.DataFrame) -> str:
    """Return how cinecluster does against the strongest of the others."""
    rival = strongest(main)
    if rival is None:
        return ""
    name = rival["recommender"] + (", the best on validation" if rival["validation"] is not None else "")
    return f"Against {name}: {verdict(rival)}"


def verdict(row: dict[str, Any]) -> str:
    """Return the ratio of cinecluster's value to that of a row, its interval, and whether it may be chance."""
    if row["recommender"] == OURS:
        return ""
    if row["ratio"] is None:
        difference = row["difference"]
        return "level" if not difference else ("better" if difference > 0 else "worse")
    if row["ratio_low"] is None:
        return f"{row['ratio']:.2f}x"
    text = f"{row['ratio']:.2f}x ({row['ratio_low']:.2f}{DASH}{row['ratio_high']:.2f}), "
    if row["ratio_low"] > 1:
        return text + "better"
    return text + ("worse" if row["ratio_high"] < 1 else "may be chance")


def interval_of(row: dict[str, Any]) -> str:
    """Return a value and its interval."""
    if row["low"] is None:
        return f"{row['value']:.3f}"
    return f"{row['value']:.3f} ({row['low']:.3f}{DASH}{row['high']:.3f})"


def notes_of(rows: pl.DataFrame, column: str, before: str) -> list[str]:
    """Return a sentence for each recommender with a text in a column."""
    said = rows.filter(pl.col(column).is_not_null()).unique("recommender", maintain_order=True)
    return [
        before + row[column] if row["recommender"] == OURS else f"{row['recommender']}: {before}{row[column]}"
        for row in said.to_dicts()
    ]
