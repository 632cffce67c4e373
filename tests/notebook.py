"""Runs the cells of a notebook without Jupyter, and writes what they show into the file.

`python -m tests.notebook docs/tutorial.ipynb DATABASE` does so with the tables of a published file.
"""

import ast
import base64
import io
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

DATABASE = "../data/cinecluster.duckdb"  # as the notebook names it
Cell = dict[str, Any]


def run_notebook(path: Path, database: Path) -> dict[str, Any]:
    """Return the notebook with the outputs that its cells have with the tables of ``database``."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    names: dict[str, Any] = {"__name__": "__main__"}
    mpl.use("agg")
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(code, start=1):
        source = "".join(cell["source"]).replace(DATABASE, str(database))
        cell["outputs"] = run_cell(source, f"cell {number}", names, number)
        cell["execution_count"] = number
    return notebook


def run_cell(source: str, name: str, names: dict[str, Any], number: int) -> list[Cell]:
    """Run a cell; return what it prints, the value of its last expression and its figures."""
    tree = ast.parse(source, name)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with redirect_stdout(printed):
        exec(compile(tree, name, "exec"), names)  # noqa: S102
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), name, "eval"), names)  # noqa: S307
    outputs: list[Cell] = []
    if printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": lines(printed.getvalue())})
    figures = [plt.figure(figure) for figure in plt.get_fignums()]
    if value is not None and not figures:
        data = {"text/plain": lines(repr(value))}
        if hasattr(value, "_repr_html_"):
            data["text/html"] = lines(value._repr_html_())
        outputs.append({"output_type": "execute_result", "execution_count": number, "data": data, "metadata": {}})
    outputs += [
        {"output_type": "display_data", "data": {"image/png": png(figure)}, "metadata": {}} for figure in figures
    ]
    plt.close("all")
    return outputs


def png(figure: Any) -> str:
    """Return a picture as notebooks hold it."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=80, bbox_inches="tight", metadata={"Software": None})
    return base64.b64encode(file.getvalue()).decode()


def lines(text: str) -> list[str]:
    """Return a text as notebooks hold it."""
    return text.splitlines(keepends=True)


if __name__ == "__main__":
    place = Path(sys.argv[1])
    ran = run_notebook(place, Path(sys.argv[2]))
    place.write_text(json.dumps(ran, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
