"""RetrainOptions: the one list of the options of a retrain, for the command line, Prefect and Python.

The command line imports this before its first word, so it imports nothing that takes long: no NumPy, no DuckDB.
"""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from flows.fields import (
    MOST_USERS,
    RENAMED,
    Clusters,
    Components,
    Count,
    FineClusters,
    Memory,
    Place,
    Users,
    preset_field,
    renamed_field,
)
from flows.parameters import in_groups
from flows.presets import PRESETS

if TYPE_CHECKING:
    from tasks.engine.choose import EngineOptions
    from tasks.model.types import ModelOptions
    from tasks.published.checks import CheckOptions
    from tasks.stations.interactions import FavouriteOptions

Hidden = Parameter(show=False)


class Options(BaseModel):
    """What is read and how recommendations are made. An option left out, or None, has the value of its preset."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    source: Place | None = Field(
        default=None,
        description="Folder with ratings.csv, ratings.csv.gz or ratings.parquet and, if there, movies.csv, links.csv, "
        "movies_metadata.csv. Demo data where none is given.",
    )
    preset: Literal["default", "article"] = Field(
        default="default",
        description="default recommends best; article follows step by step the article that this method comes from.",
    )
    min_rating: float = Field(default=4.0, ge=0.5, le=5.0, description="Stars from which a rating is a favourite.")
    first_movies: Count | None = Field(
        default=None, description="Keep only the favourites of this number of movies, those with the lowest ids."
    )
    first_users: Count | None = Field(
        default=None, description="Then keep only those of this number of users, those with the lowest ids."
    )
    weighting: Literal["none", "idf"] = preset_field(
        "weighting", "none: all favourites count the same; idf: those of movies with few favourites count more."
    )
    n_components: Literal["auto"] | Components = preset_field(
        "n_components", "Dimensions that the users are clustered in; 0 for the incidence."
    )
    near_weight: float = preset_field(
        "near_weight",
        "Weight of a near favourite, a rating up to a star less than a favourite; 0 ignores them.",
        ge=0,
        lt=1,
    )
    recency: float = preset_field(
        "recency", "How much more a user's later ratings count; 0: all count the same.", ge=0, le=1
    )
    fit_users: int = Field(
        default=50_000,
        ge=1_000,
        le=10_000_000,
        description="Clusters are learned from a sample of at most this number of users; all are counted and placed.",
    )
    max_iter: int = Field(default=300, ge=1, le=10_000, description="Largest number of k-means steps in a run.")
    n_neighbours: Literal["auto"] | Clusters = preset_field(
        "n_neighbours", "Number of fine clusters near the user that recommendations come from; 1 is the user's own."
    )
    sharpness: float = preset_field(
        "sharpness", "How much nearer fine clusters outweigh farther ones; 0: all weigh the same.", ge=0, le=1000
    )
    smoothing: float = preset_field(
        "smoothing", "Number of average users added to each fine cluster, so that small ones count less.", ge=0, le=1e6
    )
    taste_weight: float = preset_field(
        "taste_weight", "How much the tastes of user and movie count beside the share; 0 not at all.", ge=0, le=20
    )
    item_weight: Literal["auto"] | Annotated[float, Field(ge=0, le=1)] = preset_field(
        "item_weight",
        "Share of the score that comes from the item model: 0 for the clusters alone, 1 for the item model alone, "
        "auto chooses it by held-out quality.",
    )
    available: Place | None = Field(
        default=None,
        description="File with the ids of the only movies that may be recommended: one a line, or CSV with a column "
        "movie_id.",
    )
    blocked: Place | None = Field(
        default=None, description="File of the same kind with the ids of movies that are never recommended."
    )
    diversity: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="How much recommendations should differ in taste from those before them, at the cost of score: 0 "
        "for the best scores alone; needs tastes.",
    )
    exclude_seen: bool = preset_field(
        "exclude_seen", "Never recommend movies that the user rated low; without it only favourites are left out."
    )
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="Same seed, same source: same tables.")
    max_rejected_share: float = Field(
        default=0.001, ge=0, le=1, description="Share of the lines of a file that may be bad."
    )
    memory_limit: Memory | None = Field(
        default=None, description="Memory for DuckDB, such as 4GB. The arrays beside it need about 1 GB."
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="Processor cores for DuckDB and for blocks of users; all if unset.",
    )

    watched_weight: Annotated[float | None, Hidden] = renamed_field("near_weight")
    n_nearest_clusters: Annotated[Literal["auto"] | Clusters | None, Hidden] = renamed_field("n_neighbours")
    closeness: Annotated[float | None, Hidden] = renamed_field("sharpness")

    @field_validator("diversity")
    @classmethod
    def require_tastes(cls, diversity: float, info: ValidationInfo) -> float:
        """Refuse a diversity that could be measured by nothing."""
        told = info.data
        if diversity and (told.get("weighting") == "none" or 0 in (told.get("n_components"), told.get("taste_weight"))):
            raise ValueError("needs tastes: not with --preset article, --n-components 0 or --taste-weight 0")
        return diversity

    @model_validator(mode="before")
    @classmethod
    def fill_from_preset(cls, data: Any) -> Any:
        """Give every option that is left out or None the value of the preset; read options by their former names."""
        given = {name: value for name, value in dict(data).items() if value is not None}
        for former, name in RENAMED.items():
            if former in given:
                warn_of_renamed(former, name)
                given.setdefault(name, given.pop(former))
        if given.get("n_clusters") == "elbow":
            warnings.warn("--n-clusters elbow is now called --n-clusters auto.", FutureWarning, stacklevel=2)
            given["n_clusters"] = "auto"
        preset = PRESETS.get(given.get("preset", "default"), {})
        return {name: value for name, value in preset.items() if name in cls.model_fields} | given

    def as_json(self) -> dict[str, Any]:
        """Return the options and their values as JSON has them, without former names."""
        return self.model_dump(mode="json", exclude=set(RENAMED))

    @property
    def favourites(self) -> "FavouriteOptions":
        """The options that say what counts as a favourite."""
        from tasks.stations.interactions import FavouriteOptions

        return FavouriteOptions(**{name: getattr(self, name) for name in FavouriteOptions._fields})

    @property
    def model(self) -> "ModelOptions":
        """The options of the model."""
        from tasks.model.types import ModelOptions

        options = self
        if not isinstance(self, RetrainOptions):
            shared = self.model_dump(include=set(Options.model_fields) - {"database", "reports"})
            options = RetrainOptions(**shared)
        return ModelOptions(**{name: getattr(options, name) for name in ModelOptions._fields})


def warn_of_renamed(former: str, name: str) -> None:
    """Tell that an option has another name now."""
    options = (f"--{option.replace('_', '-')}" for option in (former, name))
    warnings.warn(
        "{} is now called {}; the former name works in this version only.".format(*options), FutureWarning, stacklevel=4
    )


@in_groups
class RetrainOptions(Options):
    """Options of a retrain."""

    database: Place = Field(default=Path("data/cinecluster.duckdb"), description="Published DuckDB file.")
    reports: Place = Field(default=Path("reports"), description="Folder for the pictures.")
    top_n: int = Field(default=20, ge=1, le=1000, description="Recommendations stored for each user.")
    n_clusters: Literal["auto", "elbow"] | Clusters = preset_field(
        "n_clusters", "Number of clusters; auto takes the number that the elbow rule suggests."
    )
    max_clusters: int = Field(default=30, ge=1, le=1000, description="Largest number of clusters that the elbow tries.")
    elbow_rule: Literal["knee", "boundary"] = preset_field(
        "elbow_rule", "knee: where the WCSS curve bends most; boundary: last difference above the elbow boundary."
    )
    elbow_boundary: float = Field(default=10.0, gt=0, le=1e12, description="WCSS difference for the boundary rule.")
    elbow_users: Count | None = preset_field(
        "elbow_users", "Number of users in the sample that the elbow is measured on."
    )
    refine_steps: int = Field(
        default=0,
        ge=0,
        le=100,
        description="Lloyd steps in the 0/1 space after clustering; for weighting none.",
    )
    n_init: int = preset_field(
        "n_init", "Number of k-means runs from different starts; the best is kept.", ge=1, le=100
    )
    min_cluster_size: Count = preset_field("min_cluster_size", "Clusters with fewer users are merged into others.")
    merge_by: Literal["centroid", "overlap"] = preset_field(
        "merge_by", "Where users of small clusters go: nearest centroid, or largest share of favourites in common."
    )
    n_fine_clusters: Literal["auto"] | FineClusters = preset_field(
        "n_fine_clusters",
        "Number of fine clusters, which recommendations come from: auto chooses it by held-out quality; "
        "0 for the clusters themselves.",
    )
    quality_users: Users = Field(
        default=5_000,
        description="Number of users in the sample that held-out quality is measured on; fewer where more than 6,000 "
        "movies are ranked.",
    )
    evaluate: bool = Field(default=False, description="Also measure quality against known recommenders.")
    evaluate_users: Users = Field(default=20_000, description="Number of users in the sample that is evaluated.")
    publish: Literal["file", "parquet"] = Field(
        default="file",
        description="file: all tables in the database file; parquet: those that grow with the users as Parquet files "
        "beside it, and views of them in it.",
    )
    max_drop: float = Field(
        default=0.2, ge=0, le=1, description="Share of the rows published before that may be missing."
    )
    max_quality_drop: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Share of the last run's held-out quality that may be lost; 1 publishes whatever the quality.",
    )
    keep: int = Field(default=3, ge=1, le=100, description="Published versions kept for rollback.")
    max_hours: float = Field(
        default=20.0,
        gt=0,
        le=10_000,
        description="Hours after which a run that is not done is stopped, out of the way of the next night's.",
    )
    metrics: Place | None = Field(
        default=None, description="File for the textfile collector of Prometheus, such as /srv/textfile/films.prom."
    )
    engine: Literal["duckdb", "spark"] = Field(
        default="duckdb", description="Where ratings are counted and users are placed; see docs/spark.md."
    )
    spark: str = Field(
        default="local",
        pattern=r"^(sc://\S+|local|sail)$",
        description="Spark for --engine spark: sc://host:port for a cluster, local for this machine, or sail.",
    )
    work_dir: str | None = Field(
        default=None,
        description="Folder or URL for --engine spark that this machine and Spark's workers can see; by default "
        "beside the database.",
    )

    @field_validator("spark", "work_dir")
    @classmethod
    def require_spark(cls, value: str | None, info: ValidationInfo) -> str | None:
        """Refuse what only Spark would read where Spark does not run."""
        if value not in (None, "local") and info.data.get("engine") == "duckdb":
            raise ValueError("needs --engine spark")
        return value

    @property
    def engine_options(self) -> "EngineOptions":
        """Where the retrain runs."""
        from tasks.engine.choose import EngineOptions

        return EngineOptions(**{name: getattr(self, name) for name in EngineOptions._fields})

    @property
    def checks(self) -> "CheckOptions":
        """What the tables are held to before they are published."""
        from tasks.published.checks import CheckOptions

        return CheckOptions(**{name: getattr(self, name) for name in CheckOptions._fields})


@in_groups
class EvaluateOptions(Options):
    """Options of an evaluation."""

    database: Place = Field(default=Path("data/evaluation.duckdb"), description="DuckDB file for the results.")
    reports: Place = Field(default=Path("reports"), description="Folder for the picture.")
    protocol: Literal["known", "strong"] = Field(
        default="known",
        description="known: users who are learned from have favourites held out; strong: users who are not learned "
        "from are placed by four fifths of their favourites, by the rules of the published ML-20M table.",
    )
    evaluate_users: Users | None = Field(
        default=None,
        description="Number of users in the sample that is evaluated: 20000 where none is given, "
        "all with --protocol strong.",
    )
    budget_minutes: float = Field(
        default=10.0,
        ge=0,
        le=100_000,
        description="Minutes for tuning the baselines; what was not tried by then is reported.",
    )

    @property
    def n_users(self) -> int:
        """The number of users in the sample."""
        return self.evaluate_users or (MOST_USERS if self.protocol == "strong" else 20_000)
