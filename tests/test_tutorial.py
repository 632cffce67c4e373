"""docs/tutorial.ipynb: its cells run on published tables, and the file holds what they showed."""

import json
import re
from pathlib import Path

from tests.notebook import DATABASE, run_notebook

PATH = Path(__file__).parents[1] / "docs" / "tutorial.ipynb"


def code_cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def kinds(cell):
    return sorted(kind for output in cell["outputs"] for kind in output.get("data", {"stdout": ""}))


def test_its_cells_run_and_show_what_the_file_holds(good_tables):
    stored = code_cells(json.loads(PATH.read_text()))
    shown = code_cells(run_notebook(PATH, good_tables.database))
    assert [kinds(cell) for cell in shown] == [kinds(cell) for cell in stored]
    assert sum("image/png" in kinds(cell) for cell in stored) == 5
    assert [cell["execution_count"] for cell in stored] == [*range(1, len(stored) + 1)]


def test_it_is_small_and_names_no_place_of_the_machine_that_ran_it():
    text = PATH.read_text()
    assert len(text) < 400_000
    assert text.count(DATABASE) == 1
    assert re.findall(r'(?<![\w.])/(?:tmp|home|root|work|usr)/[^"]*', text) == []
