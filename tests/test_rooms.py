"""The rooms: imports run one way, in no circle, and what computes loads neither Prefect nor DuckDB."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for folder in ("flows", "tasks", "sql")
    for path in sorted((ROOT / folder).rglob("*.py"))
}
TREES = {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in FILES.items()}
SHARED = {"tasks.blocks", "tasks.errors", "tasks.files", "tasks.progress", "tasks.text"}
UPPER = {"tasks.source", "tasks.published", "tasks.favourites", "tasks.report", "tasks.stations"}
MAY_IMPORT = {
    "sql": set(),
    "tasks.model": {*SHARED},
    "tasks.engine": {*SHARED, "sql"},
    "tasks.quality": {*SHARED, "tasks.model"},
    "tasks.source": {*SHARED, "tasks.engine", "sql"},
    "tasks.task": {*SHARED},
    **{
        room: {*SHARED, *UPPER, "tasks.model", "tasks.quality", "tasks.engine", "sql"}
        for room in UPPER - {"tasks.source"}
    },
    "tasks.app": {*SHARED, "tasks.favourites", "tasks.published", "tasks.model", "tasks.engine", "sql"},
    **{module: {*SHARED} for module in SHARED},
}
MOST_PARAMETERS = 8


def imported(module: str) -> Iterator[str]:
    """Yield the names of the modules that a module imports, anywhere in it."""
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            yield str(node.module)
            yield from (name for alias in node.names if (name := f"{node.module}.{alias.name}") in FILES)


def room_of(module: str) -> str:
    """Return the room of a module of ours: a folder of tasks, or a file that lies in no room."""
    parts = module.split(".")
    return parts[0] if parts[0] in ("flows", "sql") else ".".join(parts[:2])


OURS = {module: {name for name in imported(module) if name in FILES} - {module} for module in FILES}


def test_every_room_is_known():
    assert {room_of(module) for module in FILES} - {"tasks", "flows"} == MAY_IMPORT.keys()


@pytest.mark.parametrize("module", [module for module in FILES if room_of(module) not in ("flows", "tasks")])
def test_imports_run_one_way(module):
    room = room_of(module)
    outside = {room_of(name) for name in OURS[module]} - {room, "tasks"}
    assert outside <= MAY_IMPORT[room]


def test_no_module_is_in_a_circle_of_imports():
    # a package is loaded before its modules, so what imports those needs it too
    list(TopologicalSorter(OURS).static_order())


def test_no_room_is_in_a_circle_of_imports():
    rooms: dict[str, set[str]] = {}
    for module, names in OURS.items():
        rooms.setdefault(room_of(module), set()).update(room_of(name) for name in names)
    list(TopologicalSorter({room: names - {room} for room, names in rooms.items()}).static_order())


def test_only_one_file_in_tasks_imports_prefect():
    importers = {m for m in FILES if m.startswith("tasks") and any(n.split(".")[0] == "prefect" for n in imported(m))}
    assert importers == {"tasks.task"}


def test_model_and_quality_load_neither_prefect_nor_duckdb():
    modules = [module for module in FILES if room_of(module) in ("tasks.model", "tasks.quality")]
    code = f"import sys, {', '.join(modules)}; print(sorted({{'prefect', 'duckdb'}} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)  # noqa: S603
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


@pytest.mark.parametrize("modules", ["flows.api.app", "tasks.favourites.change, tasks.published.titles"])
def test_the_server_and_a_favourite_load_neither_prefect_nor_scikit_learn(modules):
    code = f"import sys, flows.cli, {modules}; print(sorted({{'prefect', 'sklearn', 'pandas'}} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)  # noqa: S603
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


def test_the_engine_loads_no_model():
    code = "import sys, tasks.engine.duckdb; print([name for name in sys.modules if name.startswith('tasks.model')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)  # noqa: S603
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("module", [module for module in FILES if module.startswith("tasks")])
def test_no_function_has_many_parameters(module):
    functions = [node for node in ast.walk(TREES[module]) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    counts = {
        function.name: len([*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs])
        for function in functions
    }
    assert {name: count for name, count in counts.items() if count > MOST_PARAMETERS} == {}


def test_importing_flows_leaves_standard_error_alone():
    code = "import atexit, os, flows.cli, flows.retrain; atexit.register(os.write, 2, b'at the end')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)  # noqa: S603
    assert "at the end" in done.stderr


@pytest.mark.parametrize("module", FILES)
def test_queries_stand_in_sql(module):
    """Only statements whose names cannot be parameters, such as attach, set and alter, stand in Python."""
    query = re.compile(r"\s*(select|insert into|delete from|update \S+ set|with \S+ as|from \S+( where| order|$))\b")
    texts = [node.value for node in ast.walk(TREES[module]) if isinstance(node, ast.Constant)]
    assert [text for text in texts if isinstance(text, str) and query.match(text)] == []
