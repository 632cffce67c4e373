"""How the options are shown, by the command line and by the form of a run: in groups, by what they are for."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from cyclopts import Group, Parameter
from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)
Function = TypeVar("Function", bound=Callable[..., Any])
GROUPS = {
    "What is read, and where it goes": ("source", "database", "reports", "metrics", "max_rejected_share"),
    "What is recommended": (
        *("preset", "min_rating", "available", "blocked", "exclude_seen", "diversity", "top_n"),
        *("first_movies", "first_users", "seed"),
    ),
    "Evaluation": ("protocol", "evaluate", "evaluate_users", "budget_minutes"),
    "Publishing": ("publish", "max_drop", "max_quality_drop", "keep"),
    "Machine": ("memory_limit", "threads", "max_hours", "engine", "spark", "work_dir"),
    "Clusters": ("n_clusters", "max_clusters", "elbow_rule", "elbow_boundary", "min_cluster_size", "merge_by"),
    "Method": (
        *("fit_users", "weighting", "n_components", "near_weight", "recency", "elbow_users", "n_init", "max_iter"),
        *("refine_steps", "n_fine_clusters", "n_neighbours", "sharpness", "smoothing", "taste_weight", "item_weight"),
        "quality_users",
    ),
}


def in_groups(model: type[Model]) -> type[Model]:
    """Have the command line show the options by what they are for."""
    for title, names in GROUPS.items():
        for field in (model.model_fields[name] for name in names if name in model.model_fields):
            field.metadata = [*field.metadata, Parameter(group=Group(title, sort_key=list(GROUPS).index(title)))]
    return model


def with_parameters_of(model: type[BaseModel]) -> Callable[[Function], Function]:
    """Give a function that takes ``**options`` the fields of ``model`` as its keyword parameters.

    Prefect reads a flow's parameters from its signature: so each option is one parameter of the run, with its
    bounds, and a run can override one without repeating the others. Its form has them in this order, by group.
    """
    known = [name for names in GROUPS.values() for name in names if name in model.model_fields]
    fields = {name: model.model_fields[name] for name in dict.fromkeys([*known, *model.model_fields])}

    def decorate(function: Function) -> Function:
        parameters = []
        for name, field in fields.items():
            optional = field.annotation if field.default is not None else field.annotation | None  # type: ignore[operator]
            annotation = Annotated[optional, *field.metadata] if field.metadata else optional
            parameters.append(
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=annotation)
            )
        returns = inspect.signature(function).return_annotation
        function.__signature__ = inspect.Signature(parameters, return_annotation=returns)  # type: ignore[attr-defined]
        lines = [f"    {name}: {field.description}" for name, field in fields.items()]
        function.__doc__ = "\n".join([inspect.cleandoc(function.__doc__ or ""), "", "Args:", *lines])
        return function

    return decorate
