"""What goes to workers, and what a user is told where Spark cannot be had."""

import subprocess
import sys
import zipfile
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from tasks.engine import sessions
from tasks.engine.choose import EngineOptions, folder_of, open_engine
from tasks.engine.folder import empty_folder
from tasks.engine.shipping import pack, unpack
from tasks.engine.worker import add_chunks, arrays_of, chunk, sum_users
from tasks.errors import CineclusterError


def test_workers_import_neither_duckdb_nor_prefect_nor_spark():
    code = (
        "import sys, tasks.engine.worker, tasks.stations.clusters, tasks.stations.recommendations, tasks.model.fit;"
        "print(*{'duckdb', 'prefect', 'pyspark', 'matplotlib'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"  # noqa: S603


def test_the_modules_that_go_to_workers_run_there(tmp_path):
    archive = sessions.zip_modules(tmp_path / "cinecluster.zip")
    assert {"tasks/engine/worker.py", "sql/files/rows_of_file.sql"} <= set(zipfile.ZipFile(archive).namelist())
    code = (
        "import tasks.engine.worker as w; from tasks.engine.duckdb import statement;"
        "print(w.__file__, statement('files/rows_of_file')[:15])"
    )
    found = subprocess.run(  # noqa: S603
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(archive)!r}); {code}"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert found.startswith(f"{archive}/tasks/engine/worker.py -- rows_of_file")


def test_large_arrays_go_as_files(tmp_path):
    large, small = np.arange(100_000, dtype=np.float32), np.arange(3)
    package = pack(partial(np.add, large, 1), str(tmp_path / "arrays"))
    assert len(package) < 1000
    assert np.array_equal(unpack(package)(), large + 1)
    assert len(list((tmp_path / "arrays").iterdir())) == 1
    pack(partial(np.add, large.copy(), small), str(tmp_path / "arrays"))
    assert len(list((tmp_path / "arrays").iterdir())) == 1
    pack(partial(np.add, large.reshape(2, -1)), str(tmp_path / "arrays"))
    assert len(list((tmp_path / "arrays").iterdir())) == 2


def test_sums_of_chunks_are_the_sums_of_arrays():
    import pyarrow as pa

    parts = [np.full((2, 3), value, dtype=np.float64) for value in (1.5, 2.25)]
    rows = [chunk("gram", 0, "float64", [2, 3], part.tobytes()) for part in parts]
    total = arrays_of(add_chunks(pa.Table.from_batches(rows)))
    assert np.array_equal(total["gram"], sum(parts))
    assert list(sum_users([], pack(np.add, "unused"), 3)) == []


@pytest.mark.parametrize(("url", "extra"), [("sail", "sail"), ("local", "spark-local"), ("sc://host", "spark")])
def test_a_missing_extra_is_named(url, extra, monkeypatch):
    monkeypatch.setattr(sessions.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CineclusterError, match=rf"--spark {url} needs .* pip install 'cinecluster\[{extra}\]'"):
        sessions.check_packages(url)


def test_a_server_that_does_not_answer_is_named():
    with pytest.raises(CineclusterError, match=r"sc://127.0.0.1:1: cannot be reached: Connection refused. Is Spark's"):
        sessions.reach("sc://127.0.0.1:1")


def test_another_version_is_named():
    with pytest.raises(CineclusterError, match=r"sc://host: runs Spark 3.5.1. Use a cluster of Spark 4."):
        sessions.prepare(SimpleNamespace(version="3.5.1"), "sc://host")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Job aborted\nCaused by: java.io.IOException: No space left on device\n at x", "Free some space"),
        ("[PYTHON_VERSION_MISMATCH] Python in worker has different version", "PYSPARK_PYTHON"),
        ("ModuleNotFoundError: No module named 'scipy'", "No module named 'scipy'. Install the packages"),
        ("StatusCode.UNAVAILABLE: failed to connect", "whether Spark's Connect server still runs"),
        ("something else\nand more", "--spark sc://host: something else. The logs"),
    ],
)
def test_an_error_of_spark_is_one_message_with_the_remedy(text, words):
    message = sessions.message_of(RuntimeError(text), "sc://host")
    assert words in message
    assert "\n" not in message
    assert message.endswith("The published tables stay as they are.")


def test_an_error_for_the_user_is_told_as_it_is():
    text = "PythonException: \nTraceback\n  File x\ntasks.errors.CineclusterError: a.csv: no column.\n at java"
    assert sessions.message_of(RuntimeError(text), "sail") == "a.csv: no column."


def test_a_cluster_needs_a_work_dir(tmp_path):
    options = EngineOptions("spark", "sc://host", None, None, None)
    with pytest.raises(CineclusterError, match="--work-dir is missing"), open_engine(options, tmp_path / "b.duckdb"):
        pass


def test_a_folder_is_empty_and_goes_away(tmp_path):
    options = EngineOptions("spark", "sc://host", f"{tmp_path}/", None, None)
    url = folder_of(options, tmp_path / "one" / "build.duckdb")
    assert url != folder_of(options, tmp_path / "other" / "build.duckdb")
    with pytest.raises(KeyError), empty_folder(url) as folder:
        (tmp_path / folder / "of-a-killed-run").touch()
        raise KeyError
    with empty_folder(url) as folder:
        assert list((tmp_path / folder).iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(CineclusterError, match=r"--work-dir .*file/x: cannot be written"),
        empty_folder(f"{tmp_path}/file/x"),
    ):
        pass
