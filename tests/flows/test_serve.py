import pytest
import yaml
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.serve import CHECKOUT, read_deployments, serve
from tasks.errors import CineclusterError


def test_what_is_served_is_what_is_deployed() -> None:
    path = CHECKOUT / "prefect.yaml"
    (given, *_) = yaml.safe_load(path.read_text())["deployments"]
    (nightly, *_) = read_deployments(path)
    assert (nightly.flow_name, nightly.name, nightly.tags) == ("retrain", "nightly", given["tags"])
    assert nightly.description == given["description"]
    assert nightly.parameters == given["parameters"]
    assert [(s.schedule.cron, s.schedule.timezone) for s in nightly.schedules or []] == [  # type: ignore[union-attr]
        (given["schedules"][0]["cron"], given["schedules"][0]["timezone"])
    ]
    assert nightly.concurrency_limit == 1
    assert nightly.concurrency_options is not None
    assert nightly.concurrency_options.collision_strategy == "CANCEL_NEW"


def test_the_export_follows_the_retrain() -> None:
    (*_, export) = read_deployments(CHECKOUT / "prefect.yaml")
    assert (export.flow_name, export.name) == ("export", "after-retrain")
    (trigger,) = export.triggers
    assert trigger.expect == {"prefect.flow-run.Completed"}  # type: ignore[union-attr]
    assert "postgresql://" not in (CHECKOUT / "prefect.yaml").read_text()


def test_serving_without_a_server_is_refused() -> None:
    with temporary_settings(restore_defaults={PREFECT_API_URL}), pytest.raises(CineclusterError, match="server start"):
        serve()
