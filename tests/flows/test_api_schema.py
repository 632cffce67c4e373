"""The API does what its own OpenAPI description says, whatever is asked."""

import shutil
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from tests.flows.api_client import BEARER, client_of

OPERATIONS = [
    ("GET", "/users/{user_id}/recommendations"),
    ("GET", "/users/{user_id}"),
    ("GET", "/movies"),
    ("GET", "/movies/{movie_id}"),
    ("GET", "/movies/{movie_id}/similar"),
    ("GET", "/popular"),
    ("GET", "/clusters"),
    ("GET", "/clusters/{cluster}"),
    ("POST", "/users/{user_id}/favourites/{movie_id}"),
    ("DELETE", "/users/{user_id}/favourites/{movie_id}"),
    ("GET", "/health"),
    ("GET", "/metrics"),
]
IN_PATHS = st.text(st.characters(exclude_characters="./\\", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def client(good_tables, tmp_path_factory):
    """A server that may change favourites."""
    database = shutil.copy(good_tables.database, tmp_path_factory.mktemp("schema") / "films.duckdb")
    with client_of(database) as client:
        yield client


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a parameter may have, and small ids that exist."""
    if "anyOf" in schema:
        return st.one_of([values(other) for other in schema["anyOf"] if other != {"type": "null"}])
    if schema["type"] == "integer":
        least, most = schema.get("minimum"), schema.get("maximum")
        return st.integers(least, most) | st.integers(least if least is not None else 0, 20)
    if schema["type"] == "array":
        return st.lists(values(schema["items"]), max_size=3)
    if schema["type"] == "boolean":
        return st.sampled_from(["true", "false"])
    if schema.get("format") == "date":
        return st.dates().map(str)
    assert schema["type"] == "string"
    return st.text(min_size=schema.get("minLength", 0), max_size=20) | st.sampled_from(["rocket", "12"])


def requests_of(parameters: list[dict[str, Any]]) -> st.SearchStrategy[dict[str, dict[str, Any]]]:
    """Values of the parameters of one request by where they stand; some are none that it may have."""
    drawn: dict[str, dict[str, Any]] = {"path": {}, "query": {}}
    for parameter in parameters:
        wrong = IN_PATHS | st.integers().map(str)
        value = st.one_of(values(parameter["schema"]), values(parameter["schema"]), wrong)
        drawn[parameter["in"]][parameter["name"]] = value if parameter.get("required") else st.none() | value
    return st.fixed_dictionaries({place: st.fixed_dictionaries(each) for place, each in drawn.items()})


def test_these_are_all_operations(client):
    described = client.get("/openapi.json").json()["paths"]
    assert sorted(OPERATIONS) == sorted((method.upper(), path) for path, each in described.items() for method in each)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_answers_are_as_described(client, method, path):
    document = client.get("/openapi.json").json()
    operation = document["paths"][path][method.lower()]

    @settings(max_examples=40, suppress_health_check=list(HealthCheck), deadline=None)
    @given(request=requests_of(operation.get("parameters", [])))
    def ask(request):
        place = path.format(**{name: quote(str(value), safe="") for name, value in request["path"].items()})
        query = {name: value for name, value in request["query"].items() if value is not None}
        answer = client.request(method, place, params=query, headers=BEARER if method != "GET" else None)
        status = str(answer.status_code)
        assert status in operation["responses"], answer.text
        kind = answer.headers["content-type"].partition(";")[0]
        content = operation["responses"][status]["content"]
        assert kind in content
        if kind == "application/json":
            schema = content[kind]["schema"] | {"components": document["components"]}
            Draft202012Validator(schema, format_checker=FormatChecker()).validate(answer.json())

    ask()
