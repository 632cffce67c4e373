"""RetrainConfig: the one list of the options of a retrain, for the command line, Prefect and Python."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, model_validator

from tasks.method import Method

Components = Annotated[int, Field(ge=0, le=512)]
PRESETS: dict[str, dict[str, Any]] = {
    "default": {
        "n_clusters": "auto",
        "n_fine_clusters": "auto",
        "elbow_rule": "knee",
        "elbow_users": 20_000,
        "weighting": "idf",
        "n_components": "auto",
        "watched_weight": 0.5,
        "recency": 0.2,
        "n_init": 3,
        "min_cluster_size": 5,
        "merge_by": "centroid",
        "n_nearest_clusters": "auto",
        "closeness": 2.5,
        "smoothing": 1.0,
        "taste_weight": 1.25,
        "exclude_seen": True,
    },
    "article": {
        "n_clusters": "elbow",
        "n_fine_clusters": 0,
        "elbow_rule": "boundary",
        "elbow_users": None,
        "weighting": "none",
        "n_components": 0,
        "watched_weight": 0.0,
        "recency": 0.0,
        "n_init": 10,
        "min_cluster_size": 6,
        "merge_by": "overlap",
        "n_nearest_clusters": 1,
        "closeness": 0.0,
        "smoothing": 0.0,
        "taste_weight": 0.0,
        "exclude_seen": False,
    },
}


def preset_field(description: str, **bounds: Any) -> Any:
    """Return a field whose default is what the preset says."""
    return Field(default=None, description=description, **bounds)


class Options(BaseModel):
    """What is read and how recommendations are made. An option left out, or None, has the value of its preset."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Path | None = Field(
        default=None,
        description="Folder with ratings.csv, ratings.csv.gz or ratings.parquet and, if there, movies.csv, links.csv, "
        "movies_metadata.csv. Demo data where none is given.",
    )
    preset: Literal["default", "article"] = Field(
        default="default",
        description="default recommends best; article follows the article that this grew out of step by step.",
    )
    min_rating: float = Field(default=4.0, ge=0.5, le=5.0, description="Stars from which a rating is a favourite.")
    first_movies: PositiveInt | None = Field(
        default=None, description="Keep the favourites of so many movies with the lowest ids."
    )
    first_users: PositiveInt | None = Field(
        default=None, description="Then keep those of so many users with the lowest ids."
    )
    weighting: Literal["none", "idf"] = preset_field(
        "none: every favourite counts the same; idf: those that few people share count more."
    )
    n_components: Literal["auto"] | Components = preset_field(
        "Dimensions that the users are clustered in; 0 for the incidence."
    )
    watched_weight: float = preset_field(
        "How much of a favourite it is to rate a movie up to a star less than one.", ge=0, lt=1
    )
    recency: float = preset_field("How much a user's later ratings tell more about taste; 0 not at all.", ge=0, le=2)
    max_iter: int = Field(default=300, ge=1, le=10_000, description="Steps of a run of k-means, at most.")
    n_nearest_clusters: Literal["auto"] | PositiveInt = preset_field(
        "Fine clusters nearest to a user whose likes make the recommendations; 1 is the user's own."
    )
    closeness: float = preset_field("How much nearer clusters outweigh farther ones; 0 weighs them alike.", ge=0)
    smoothing: float = preset_field("Users of everybody's taste added to each cluster.", ge=0)
    taste_weight: float = preset_field(
        "How much the tastes of user and movie count beside the share; 0 not at all.", ge=0
    )
    exclude_seen: bool = preset_field("Do not recommend what the user rated low; else only favourites are left out.")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="Same seed, same source: same tables.")
    max_rejected_share: float = Field(
        default=0.001, ge=0, le=1, description="Part of the lines of a file that may be bad."
    )
    memory_limit: Annotated[str, Field(pattern=r"^\d+(\.\d+)?\s*([KMGT]i?B)$")] | None = Field(
        default=None, description="Memory for DuckDB, such as 4GB. The arrays beside it need about 70 bytes a rating."
    )

    @model_validator(mode="before")
    @classmethod
    def fill_from_preset(cls, data: Any) -> Any:
        """Give every option that is left out or None the value of the preset."""
        given = {name: value for name, value in dict(data).items() if value is not None}
        preset = PRESETS.get(given.get("preset", "default"), {})
        return {name: value for name, value in preset.items() if name in cls.model_fields} | given

    @property
    def method(self) -> Method:
        """The options that say how recommendations are made."""
        return Method(**{name: getattr(self, name) for name in Method._fields})


class RetrainConfig(Options):
    """Options of a retrain."""

    database: Path = Field(default=Path("data/cinecluster.duckdb"), description="Published DuckDB file.")
    reports: Path = Field(default=Path("reports"), description="Folder for the pictures.")
    top_n: int = Field(default=20, ge=1, le=1000, description="Recommendations stored for each user.")
    n_clusters: Literal["auto", "elbow"] | PositiveInt = preset_field(
        "Number of clusters: elbow, or auto, which is the same, for the number that the elbow rule suggests."
    )
    max_clusters: int = Field(default=30, ge=1, le=1000, description="The elbow tries 1 to so many clusters.")
    elbow_rule: Literal["knee", "boundary"] = preset_field(
        "knee: where the WCSS curve bends most; boundary: last difference above the elbow boundary."
    )
    elbow_boundary: float = Field(default=10.0, gt=0, description="WCSS difference for the boundary rule.")
    elbow_users: PositiveInt | None = preset_field("The elbow is measured on a sample of so many users.")
    refine_steps: int = Field(
        default=0,
        ge=0,
        le=100,
        description="Lloyd steps in the 0/1 space after clustering; for weighting none.",
    )
    n_init: int = preset_field("Runs of k-means from other starts; the best is kept.", ge=1, le=100)
    min_cluster_size: PositiveInt = preset_field("Clusters with fewer users are merged into others.")
    merge_by: Literal["centroid", "overlap"] = preset_field(
        "Where users of small clusters go: nearest centroid, or largest part of favourites shared."
    )
    n_fine_clusters: Literal["auto"] | NonNegativeInt = preset_field(
        "Number of fine clusters, which recommendations are made of: auto chooses it by held-out quality; "
        "0 for the clusters themselves."
    )
    quality_users: PositiveInt = Field(default=3_000, description="Quality is measured on a sample of so many users.")
    evaluate: bool = Field(default=False, description="Also measure quality against known recommenders.")
    evaluate_users: PositiveInt = Field(default=20_000, description="Evaluate on a sample of so many users.")
    max_drop: float = Field(
        default=0.2, ge=0, le=1, description="Part by which row counts may be below those published before."
    )
    keep: int = Field(default=3, ge=1, le=100, description="Published versions kept for rollback.")

    @property
    def boundary(self) -> float | None:
        """The elbow boundary, if the elbow rule has one."""
        return self.elbow_boundary if self.elbow_rule == "boundary" else None


class EvaluateConfig(Options):
    """Options of an evaluation."""

    database: Path = Field(default=Path("data/evaluation.duckdb"), description="DuckDB file for the results.")
    reports: Path = Field(default=Path("reports"), description="Folder for the picture.")
    evaluate_users: PositiveInt = Field(default=20_000, description="Evaluate on a sample of so many users.")


Function = TypeVar("Function", bound=Callable[..., Any])


def with_parameters_of(model: type[BaseModel]) -> Callable[[Function], Function]:
    """Give a function that takes ``**options`` the fields of ``model`` as its keyword parameters.

    Prefect reads a flow's parameters from its signature: so each option is one parameter of the run, with its
    bounds, and a run can override one without repeating the others.
    """

    def decorate(function: Function) -> Function:
        parameters = []
        for name, field in model.model_fields.items():
            optional = field.annotation if field.default is not None else field.annotation | None  # type: ignore[operator]
            annotation = Annotated[optional, *field.metadata] if field.metadata else optional
            parameters.append(
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=annotation)
            )
        returns = inspect.signature(function).return_annotation
        function.__signature__ = inspect.Signature(parameters, return_annotation=returns)  # type: ignore[attr-defined]
        lines = [f"    {name}: {field.description}" for name, field in model.model_fields.items()]
        function.__doc__ = "\n".join([inspect.cleandoc(function.__doc__ or ""), "", "Args:", *lines])
        return function

    return decorate
