"""How quality changed since the run before."""

import numpy as np
import pytest

from tasks.quality.nights import FEWEST_USERS, change_in_words, measure_change, quality_in_words


@pytest.fixture(scope="module")
def before():
    """NDCG of 600 users, as wide as it is on real ratings."""
    return np.random.default_rng(0).beta(0.6, 1.4, 600)


def test_the_change_is_a_share_of_the_mean_before(before):
    found = measure_change(before, before * 0.7, seed=0)
    assert found["n_quality_pairs"] == 600
    assert found["quality_before"] == pytest.approx(before.mean())
    assert found["quality_change"] == pytest.approx(-0.3)
    assert found["quality_change_low"] < -0.3 < found["quality_change_high"] < -0.25


def test_the_same_night_again_changes_nothing(before):
    found = measure_change(before, before, seed=0)
    assert (found["quality_change"], found["quality_change_low"], found["quality_change_high"]) == (0, 0, 0)


def test_nights_that_differ_by_chance_alone_stay_above_the_limit(before):
    """Another fifth is held out of everybody: forty pairs of nights, and none of them would stop a run."""
    random = np.random.default_rng(1)
    found = [measure_change(random.beta(0.6, 1.4, 600), before, seed=0)["quality_change_high"] for _ in range(40)]
    assert min(found) > -0.05


def test_the_interval_is_paired(before):
    random = np.random.default_rng(2)
    found = measure_change(before, before + random.normal(0, 0.01, 600), seed=0)
    assert found["quality_change_high"] - found["quality_change_low"] < 0.02


@pytest.mark.parametrize("values", [np.full(FEWEST_USERS - 1, 0.3), np.zeros(600)])
def test_few_users_and_nothing_found_before_are_not_compared(values):
    assert measure_change(values, values, seed=0) == {}


def test_words(before):
    facts = {"quality": 0.3126, "n_quality_users": 1500} | measure_change(before, before * 0.9, seed=0)
    assert "Of 1,500 users" in quality_in_words(facts)
    assert "NDCG@10 is 0.3126." in quality_in_words(facts)
    assert "On the 600 users whom the run before measured too, it is \N{MINUS SIGN}10.0 %" in change_in_words(facts)
    assert change_in_words({"quality": 0.3}) == ""
    assert "was not measured" in quality_in_words({})
