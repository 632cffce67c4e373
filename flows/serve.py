"""The deployments of ``prefect.yaml``, run by one process without work pool and worker."""

import os
from pathlib import Path

import prefect
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.deployments.runner import RunnerDeployment
from prefect.events import DeploymentEventTrigger
from prefect.exceptions import ObjectNotFound
from prefect.schedules import Schedule
from prefect.settings import PREFECT_API_URL

from tasks.errors import CineclusterError

CHECKOUT = Path(__file__).parents[1]


def serve(checkout: Path = CHECKOUT) -> None:
    """Run the deployments of ``prefect.yaml``, on schedule and on demand, until stopped.

    Their schedules stay active while nothing serves them: a run that was missed starts when this does.

    Raises
    ------
    CineclusterError
        If no server is configured, for the temporary one that Prefect starts by itself makes no scheduled runs; or
        if a work pool has one of the deployments, for the server would keep that and its runs would crash.
    """
    if not PREFECT_API_URL.value():
        raise CineclusterError(
            "No Prefect server is configured. Start one with `prefect server start` and set PREFECT_API_URL, "
            "for example to http://127.0.0.1:4200/api."
        )
    os.chdir(checkout)
    deployments = read_deployments(checkout / "prefect.yaml")
    names = [f"{deployment.flow_name}/{deployment.name}" for deployment in deployments]
    if taken := {name: pool for name in names if (pool := work_pool_of(name))}:
        commands = "\n".join(f"prefect deployment delete {name}" for name in taken)
        raise CineclusterError(
            f"The work pool {', '.join(sorted(set(taken.values())))} has these deployments. Leave them to its workers, "
            f"or stop those and run:\n{commands}"
        )
    prefect.serve(*deployments, pause_on_shutdown=False)


def work_pool_of(deployment: str) -> str | None:
    """Return the work pool that the server has for a deployment; None without one, or without such a deployment."""
    with get_client(sync_client=True) as client:
        try:
            return client.read_deployment_by_name(deployment).work_pool_name
        except ObjectNotFound:
            return None


def read_deployments(path: Path) -> list[RunnerDeployment]:
    """Return the deployments that a ``prefect.yaml`` describes, as ``prefect deploy`` reads it, but for work pools."""
    return [
        RunnerDeployment.from_entrypoint(
            given["entrypoint"],
            given["name"],
            description=given.get("description"),
            tags=given.get("tags"),
            parameters=given.get("parameters"),
            schedules=[Schedule(**schedule) for schedule in given.get("schedules", [])],
            triggers=[DeploymentEventTrigger(**trigger) for trigger in given.get("triggers", [])],
            concurrency_limit=ConcurrencyLimitConfig(**given["concurrency_limit"])
            if "concurrency_limit" in given
            else None,
        )
        for given in yaml.safe_load(path.read_text(encoding="utf-8"))["deployments"]
    ]
