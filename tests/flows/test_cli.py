"""The command line through its real entry point: what it prints, where, and its exit codes."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from flows.cli import app, main
from flows.cli_read import with_reasons
from flows.config import RetrainOptions
from flows.fields import RENAMED
from flows.messages import message_of
from tasks.published.read import Recommendation
from tests.conftest import TITLES, publish

COMMAND = Path(sys.executable).with_name("cinecluster")
HOSTILE = "\x1b[31mRed\x1b[0m \x1b]0;owned\x07 [bold]Alert[/bold] \u202eevil (1951)"


def cinecluster(*arguments, **environment):
    """Run the command and return what came of it."""
    return subprocess.run(  # noqa: S603
        [COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"COLUMNS": "160", "NO_COLOR": "1"} | environment,
    )


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Published tables in which the first rocket movie has a hostile title."""
    database = tmp_path_factory.mktemp("cli") / "films.duckdb"
    titles = TITLES | {1: (HOSTILE, "Sci-Fi|\x1b[5mBlink")}
    publish(database, movies=titles)
    return database


def test_help_lists_the_commands():
    done = cinecluster("--help")
    assert done.returncode == 0
    assert done.stderr == ""
    for command in ("retrain", "recommend", "demo-data", "download", "rollback"):
        assert f" {command} " in done.stdout


def test_help_of_retrain_lists_every_option():
    done = cinecluster("retrain", "--help")
    assert done.returncode == 0
    for name in RetrainOptions.model_fields:
        assert (f"--{name.replace('_', '-')} " in done.stdout) == (name not in RENAMED)
    assert "Traceback" not in done.stderr


def test_recommend_prints_favourites_and_recommendations(database):
    done = cinecluster("recommend", 2, "-n", 4, "--database", database)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "Favourites of user 2 (" in done.stdout
    assert "Recommendations for user 2" in done.stdout
    recommended = done.stdout.split("Recommendations for user 2")[1]
    assert [f" {rank} " in recommended for rank in (1, 2, 3, 4, 5)] == [True, True, True, True, False]
    assert "because of" in recommended
    assert "Waltz" in done.stdout
    assert "Drama" in done.stdout


def test_recommend_says_why():
    reasons = ["Clueless (1995)", "American President, The (1995)", "Movie, A"]
    movie = Recommendation(1, 1721, "Titanic (1997)", ["Drama"], 0.5, reasons, "Romance, Comedy")
    first = "Titanic (1997)\n"
    favourites, people = "because of Clueless, The American President, A Movie", "people of Romance, Comedy"
    assert with_reasons(movie) == f"{first}{favourites} · {people}"
    assert with_reasons(movie._replace(people=None)) == first + favourites
    assert with_reasons(movie._replace(because=[])) == first + people
    assert with_reasons(movie._replace(because=[], people="everybody")) == "Titanic (1997)"


def test_a_hostile_title_is_shown_and_not_obeyed(database):
    done = cinecluster("recommend", 424242, "-n", 16, "--database", database, NO_COLOR="", FORCE_COLOR="1")
    assert done.returncode == 0
    for raw in ("\x1b[31m", "\x1b]0;", "\x07", "\x1b[5m", "\u202e"):
        assert raw not in done.stdout
    assert "[bold]Alert[/bold]" in done.stdout, "markup is text"


def test_somebody_unknown_is_told_so_and_recommended_something(database):
    done = cinecluster("recommend", 424242, "--database", database)
    assert done.returncode == 0
    assert "User 424242 has no favourites yet" in done.stdout
    assert "Waltz" in done.stdout


def test_a_missing_database_is_one_line_and_exit_code_1(tmp_path):
    done = cinecluster("recommend", 1, "--database", tmp_path / "none.duckdb")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "no such database. `cinecluster retrain` makes it." in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_usage_is_exit_code_2_without_a_traceback():
    done = cinecluster("recommend", "somebody")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "--help" in done.stderr
    assert "somebody" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        "recommend",
        "recommend 1 2",
        "recomend 1",
        "retrain --n-clusters 0",
        "retrain --top-n many",
        "retrain --preset best",
        "retrain --colour blue",
        "retrain --memory-limit lots",
        "recommend 1 -n 0",
        "demo-data",
    ],
)
def test_wrong_usage(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments.split())
    assert ended.value.code == 2
    output, error = capsys.readouterr()
    assert output == ""
    assert "`cinecluster --help` lists the commands." in error


def test_every_bad_option_is_one_line(capsys):
    with pytest.raises(SystemExit):
        main(["retrain", "--top-n", "0", "--seed", "-1", "--n-clusters", "x", "--memory-limit", "lots"])
    lines = capsys.readouterr().err.splitlines()
    assert sorted(lines)[:-1] == [
        "--memory-limit lots: should match pattern '^\\d{1,4}(\\.\\d{1,3})?\\s*([KMGT]i?B)$'. "
        "Memory for DuckDB, such as 4GB. The arrays beside it need about 1 GB.",
        "--n-clusters x: should be 'auto' or 'elbow' or should be a valid integer. "
        "Number of clusters; auto takes the number that the elbow rule suggests. Default: auto.",
        "--seed -1: should be greater than or equal to 0. Same seed, same source: same tables.",
        "--top-n 0: should be greater than or equal to 1. Recommendations stored for each user.",
    ]


def test_a_server_that_is_not_there_is_told_with_both_ways_to_do_without():
    message = message_of(RuntimeError("Failed to reach API at http://127.0.0.1:4200/api/"))
    assert "unset the variable PREFECT_API_URL, or `prefect config unset PREFECT_API_URL`" in message


def test_a_memory_limit_that_is_too_small_says_so(capsys):
    with pytest.raises(SystemExit):
        main(["retrain", "--memory-limit", "1MB"])
    assert capsys.readouterr().err.startswith("--memory-limit 1MB: is less than 64MB. Memory for DuckDB")


@pytest.mark.parametrize("command", [*app])
def test_every_option_says_what_it_is_for(command, capsys, monkeypatch):
    if command.startswith("-"):
        return
    monkeypatch.setenv("COLUMNS", "400")
    with pytest.raises(SystemExit):
        main([command, "--help"])
    options = re.findall(r"^│[ *]{1,4}((?:[A-Z-]+ )?--.*?) {2,}(.*?) *│$", capsys.readouterr().out, re.MULTILINE)
    assert [name for name, purpose in options if not purpose or purpose.startswith("[")] == []
    assert options or command == "serve"


def test_hostile_paths_are_shown_and_not_obeyed(tmp_path, capsys):
    folder = tmp_path / "[red]x[/y] \x1b[31m\x07\u202e"
    for arguments in (
        ["demo-data", str(folder), "--ratings", "100"],
        ["export", str(folder), "--database", str(folder)],
    ):
        with pytest.raises(SystemExit):
            main(arguments)
    output, error = capsys.readouterr()
    for text in (output, error):
        assert "[red]x[/y] \ufffd[31m\ufffd\ufffd" in text


def test_demo_data_replace_no_other_files(tmp_path, capsys):
    (tmp_path / "movies.csv").write_text("mine")
    arguments = ["demo-data", str(tmp_path), "--ratings", "100"]
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 1
    assert "movies.csv: is there already. Choose another folder, or allow --replace." in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["movies.csv"]
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--replace"])
    assert ended.value.code in (0, None)
    assert len(list(tmp_path.iterdir())) == 3


def test_roll_back_says_what_is_published_again(published, tmp_path, capsys):
    first, database = published, published.database
    elbow = (first.reports / "elbow.png").read_bytes()
    publish(database)
    assert (first.reports / "elbow.png").read_bytes() != elbow
    arguments = ["rollback", "--database", str(database), "--reports", str(tmp_path / "reports")]
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert not ended.value.code
    assert f"is run {first.run_id} again." in " ".join(capsys.readouterr().out.split())
    assert (tmp_path / "reports" / "elbow.png").read_bytes() == elbow
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 1
    assert "no earlier version is kept" in " ".join(capsys.readouterr().err.split())


@pytest.fixture
def options_of_runs(monkeypatch, tmp_path, no_server):
    """What the command has the flow run with, instead of a retrain."""
    monkeypatch.chdir(tmp_path)
    seen = []
    monkeypatch.setattr("flows.retrain.retrain", lambda **options: seen.append(options) or {})
    monkeypatch.setattr("tasks.published.read.first_user", lambda database: 1)
    monkeypatch.setattr("flows.cli.recommend", lambda *arguments, **options: None)
    return seen


def test_every_option_may_be_left_out(options_of_runs):
    for arguments in ([], ["--verbose"], ["--preset", "article"]):
        with pytest.raises(SystemExit) as stopped:
            main(["retrain", *arguments])
        assert stopped.value.code == 0
    assert [options["preset"] for options in options_of_runs] == ["default", "default", "article"]
    assert [options["sharpness"] for options in options_of_runs] == [2.5, 2.5, 0.0]


def test_former_names_of_options_work_with_a_line_to_say_so(options_of_runs, capsys):
    former = ["--closeness", "7.5", "--watched-weight", "0.25", "--n-nearest-clusters", "4", "--n-clusters", "elbow"]
    with pytest.raises(SystemExit) as stopped:
        main(["retrain", *former])
    assert stopped.value.code == 0
    assert sorted(capsys.readouterr().err.splitlines()) == [
        "--closeness is now called --sharpness; the former name works in this version only.",
        "--n-clusters elbow is now called --n-clusters auto.",
        "--n-nearest-clusters is now called --n-neighbours; the former name works in this version only.",
        "--watched-weight is now called --near-weight; the former name works in this version only.",
    ]
    [options] = options_of_runs
    assert (options["sharpness"], options["near_weight"], options["n_neighbours"]) == (7.5, 0.25, 4)
    assert options["n_clusters"] == "auto"


@pytest.mark.parametrize("options", [["--json"], ["--csv"], []])
def test_where_nobody_reads_on_the_command_ends_without_a_word(database, options):
    reader, writer = os.pipe()
    os.close(reader)
    command = [COMMAND, "recommend", "1", *options, "--database", database]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False)  # noqa: S603
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def printed(capsys, *arguments):
    """Run the command in this process; return its output, errors and exit code."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return *capsys.readouterr(), ended.value.code or 0


def test_a_favourite_is_named_by_its_title(database, capsys):
    place = ["--database", database]
    said, _, code = printed(capsys, "favourite", 3, "WALTZ, the 12!", *place)
    assert (said, code) == ("Waltz 12 (1962), movie 12, is a favourite of user 3.\n", 0)
    said, _, code = printed(capsys, "favourite", 3, "12", "--remove", *place)
    assert (said, code) == ("Waltz 12 (1962), movie 12, is not a favourite of user 3.\n", 0)


@pytest.mark.parametrize("number", ["0", str(2**31), "9" * 50])
def test_a_number_that_is_no_id_is_told(number, database, capsys):
    said, error, code = printed(capsys, "favourite", 3, number, "--database", database)
    assert (said, code) == ("", 1)
    assert f"User 3, movie {int(number)}: ids are whole numbers from 1 to 2147483647." in error


@pytest.mark.parametrize(
    ("text", "first", "listed"),
    [
        ("rocket 195", "7 movies are meant by 'rocket 195':", {2, 3, 4, 5, 6, 7, 8}),
        ("Valtz 11", "No movie is called 'Valtz 11'; the nearest titles:", {11, 12, 13, 14, 15}),
        ("\x1b[?%", "No movie is called '\ufffd[?%'.", set()),
    ],
)
def test_a_title_that_names_no_one_movie_changes_nothing(text, first, listed, database, capsys):
    said, error, code = printed(capsys, "favourite", 3, text, "--database", database)
    assert (said, code) == ("", 1)
    assert error.splitlines()[0] == first
    assert {int(line.split()[0]) for line in error.splitlines()[1:-1]} == listed
    assert error.splitlines()[-1].startswith("Give the id of one") == bool(listed)


@pytest.mark.parametrize("command", ["recommend 2 -n 3", "recommend 424242 -n 3", "status", "versions"])
def test_what_is_read_can_be_json_and_csv(command, database, capsys):
    arguments = [*command.split(), "--database", database]
    said, error, code = printed(capsys, *arguments, "--json")
    assert code == 0
    assert ("has no favourites yet" in error) == ("424242" in command)
    found = json.loads(said)
    listed = found["recommendations"] if "recommend" in command else found if command == "versions" else [found]
    said, _, code = printed(capsys, *arguments, "--csv")
    assert code == 0
    lines = list(csv.DictReader(io.StringIO(said)))
    assert len(lines) == len(listed) == (3 if "recommend" in command else 1)
    for line, row in zip(lines, listed, strict=True):
        assert list(line) == list(row)
        ids = {name: str(value) for name, value in row.items() if name in ("run_id", "movie_id", "rank", "n_bytes")}
        assert ids
        assert ids.items() <= line.items()


def test_json_and_csv_at_once_is_wrong_usage(database, capsys):
    said, error, code = printed(capsys, "status", "--json", "--csv", "--database", database)
    assert (said, code) == ("", 2)
    assert "--json" in error


@pytest.mark.parametrize("command", ["recommend 2", "status", "versions"])
def test_sixty_columns_are_enough_and_no_color_is_obeyed(command, database):
    done = cinecluster(*command.split(), "--database", database, COLUMNS="60", FORCE_COLOR="1", NO_COLOR="1")
    assert done.returncode == 0
    assert set(re.findall(r"\x1b\[([0-9;]*)m", done.stdout)) <= {"0", "1", "3", "1;3"}, "bold and italic alone"
    lines = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout).splitlines()
    assert max(map(len, lines)) <= 60
    assert "…" not in done.stdout
    if "recommend" in command:
        assert re.search(r"^│ +1 │ +\d+ │ +\d\.\d+ │ ", "\n".join(lines), re.MULTILINE), "rank, id and score"
