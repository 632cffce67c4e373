"""The options: presets, bounds, and the parameters that Prefect shows."""

import inspect
import warnings

import pytest
from prefect.utilities.callables import parameter_schema
from pydantic import ValidationError

from flows.config import EvaluateOptions, RetrainOptions
from flows.fields import RENAMED
from flows.parameters import GROUPS, with_parameters_of
from flows.presets import PRESETS


def test_presets_set_the_same_options_and_are_valid():
    assert PRESETS["default"].keys() == PRESETS["article"].keys()
    for name, options in PRESETS.items():
        config = RetrainOptions(preset=name)
        assert {option: getattr(config, option) for option in options} == options


def test_article_preset_is_the_articles_method():
    config = RetrainOptions(preset="article")
    assert (config.weighting, config.n_components, config.n_init, config.max_iter) == ("none", 0, 10, 300)
    assert (config.elbow_rule, config.elbow_boundary, config.max_clusters) == ("boundary", 10.0, 30)
    assert (config.min_cluster_size, config.merge_by, config.min_rating) == (6, "overlap", 4.0)
    assert (config.n_fine_clusters, config.n_neighbours, config.smoothing, config.taste_weight) == (0, 1, 0, 0)
    assert (config.near_weight, config.recency, config.exclude_seen, config.seed) == (0, 0, False, 0)


def test_default_is_the_default_preset():
    assert RetrainOptions() == RetrainOptions(preset="default")


def test_given_options_win_over_the_preset_and_none_means_not_given():
    config = RetrainOptions(preset="article", n_init=3, smoothing=None, n_clusters=15)
    assert (config.n_init, config.smoothing, config.n_clusters) == (3, 0.0, 15)
    assert RetrainOptions(preset="article", exclude_seen=True).exclude_seen is True
    assert RetrainOptions(exclude_seen=False).exclude_seen is False, "False and 0 are given values"
    assert RetrainOptions(taste_weight=0).taste_weight == 0


def test_every_option_without_a_value_is_in_the_presets():
    optional = {"source", "first_movies", "first_users", "memory_limit", "threads", "metrics", "work_dir", *RENAMED}
    optional |= {"available", "blocked"}
    without = {name for name, field in RetrainOptions.model_fields.items() if field.default is None}
    assert without - optional == PRESETS["default"].keys()


@pytest.mark.parametrize(
    "options",
    [
        {"min_rating": 0.4},
        {"min_rating": 5.5},
        {"top_n": 0},
        {"top_n": 1001},
        {"n_clusters": 0},
        {"n_clusters": "many"},
        {"max_clusters": 0},
        {"n_components": -1},
        {"n_init": 0},
        {"min_cluster_size": 0},
        {"first_movies": 0},
        {"first_users": -1},
        {"merge_by": "size"},
        {"preset": "best"},
        {"weighting": "tf"},
        {"elbow_boundary": 0},
        {"seed": -1},
        {"seed": 2**32},
        {"max_rejected_share": 1.5},
        {"max_drop": -0.1},
        {"keep": 0},
        {"memory_limit": "lots"},
        {"memory_limit": "4GB; drop table runs"},
        {"n_cluster": 5},
        {"spark": "sail"},
        {"work_dir": "work"},
    ],
    ids=str,
)
def test_wrong_values_and_names_are_refused(options):
    with pytest.raises(ValidationError):
        RetrainOptions(**options)


@pytest.mark.parametrize("limit", ["4GB", "512MB", "1.5 GiB", "900MB"])
def test_memory_limits(limit):
    assert RetrainOptions(memory_limit=limit).memory_limit == limit


def test_options_cannot_be_changed_afterwards():
    with pytest.raises(ValidationError):
        RetrainOptions().seed = 1


def test_every_option_is_described():
    assert [
        name for name, field in RetrainOptions.model_fields.items() if not (field.description or "").endswith(".")
    ] == []


def test_flow_parameters_are_the_options_with_their_bounds():
    @with_parameters_of(RetrainOptions)
    def flow(**options):
        """Do it."""
        return options

    parameters = inspect.signature(flow).parameters
    assert sorted(parameters) == sorted(RetrainOptions.model_fields)
    assert list(parameters)[:4] == ["source", "database", "reports", "metrics"]
    assert list(parameters)[-3:] == list(RENAMED), "the former names come last"
    assert {p.kind for p in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert flow(seed=3) == {"seed": 3}
    schema = parameter_schema(flow)
    assert schema.required == []
    top_n = schema.properties["top_n"]
    assert (top_n["minimum"], top_n["maximum"], top_n["default"]) == (1, 1000, 20)
    assert schema.properties["preset"]["enum"] == ["default", "article"]
    described = {name: schema.properties[name].get("description") for name in parameters}
    assert described == {name: field.description for name, field in RetrainOptions.model_fields.items()}


def test_every_option_is_in_one_group():
    names = [name for group in GROUPS.values() for name in group]
    assert sorted(names) == sorted({*RetrainOptions.model_fields, *EvaluateOptions.model_fields} - RENAMED.keys())


def test_the_defaults_of_presets_are_told():
    fields = RetrainOptions.model_fields
    assert fields["n_init"].description.endswith("Default: 3, 10 with --preset article.")
    assert fields["n_clusters"].description.endswith("Default: auto.")
    assert fields["exclude_seen"].description.endswith("Default: yes, no with --preset article.")
    assert {name for name in PRESETS["default"] if "Default: " not in fields[name].description} == set()


def test_options_of_model_favourites_and_checks_are_those_of_the_run():
    config = RetrainOptions(preset="article", smoothing=2.5, first_users=7, top_n=9)
    assert config.model.smoothing == 2.5
    for options in (config.model, config.favourites, config.checks):
        assert options._asdict() == {name: getattr(config, name) for name in options._fields}
    assert config.model.is_exact
    assert not RetrainOptions().model.is_exact


def test_an_evaluation_has_the_model_of_a_retrain():
    model = EvaluateOptions(smoothing=2.5, database="x.duckdb").model
    assert model == RetrainOptions(smoothing=2.5).model
    assert EvaluateOptions(preset="article").model == RetrainOptions(preset="article").model


FORMER = {"watched_weight": 0.25, "n_nearest_clusters": 4, "closeness": 7.5}


@pytest.mark.parametrize("former", FORMER)
@pytest.mark.parametrize("options", [RetrainOptions, EvaluateOptions])
def test_a_former_name_works_and_is_told(former, options):
    name = RENAMED[former]
    dashed = [f"--{word.replace('_', '-')}" for word in (former, name)]
    with pytest.warns(FutureWarning, match=f"{dashed[0]} is now called {dashed[1]}; the former name works in this"):
        config = options(**{former: FORMER[former]})
    assert getattr(config, name) == FORMER[former]
    assert getattr(config, former) is None
    assert former not in config.as_json()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert options(**config.model_dump()) == config


def test_the_new_name_wins_and_bounds_hold_for_the_former():
    with pytest.warns(FutureWarning):
        assert RetrainOptions(closeness=7.5, sharpness=1.0).sharpness == 1.0
    with pytest.warns(FutureWarning), pytest.raises(ValidationError, match="sharpness"):
        RetrainOptions(closeness=-1)


def test_elbow_is_auto():
    with pytest.warns(FutureWarning, match="--n-clusters elbow is now called --n-clusters auto"):
        assert RetrainOptions(n_clusters="elbow") == RetrainOptions()


def test_every_former_name_is_tested():
    assert FORMER.keys() == RENAMED.keys()
