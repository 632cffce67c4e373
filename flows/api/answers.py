"""What the API answers, as its OpenAPI description shows it."""

from datetime import datetime

from pydantic import BaseModel, Field


class Movie(BaseModel):
    """A movie."""

    movie_id: int
    title: str
    year: int | None = Field(description="Year of release, null if unknown.")
    genres: list[str]


class Title(BaseModel):
    """A movie, in short."""

    movie_id: int
    title: str


class SimilarMovie(Movie):
    """A movie that the same users, and users of the same taste, favourited as another one."""

    rank: int
    similarity: float = Field(description="As in the table similar_movies, 1 at most.")


class PopularMovie(Movie):
    """A movie that was favourited lately."""

    n_favourites: int


class Recommendation(Movie):
    """A movie that a user may like."""

    rank: int = Field(description="1 is the best.")
    score: float = Field(description="As in the table recommendations; of overall favourites the share of all users.")
    because: list[Title] | None = Field(description="Own favourites that speak most for it; null unless asked for.")


class ClusterName(BaseModel):
    """A cluster."""

    cluster: int
    name: str


class Recommendations(BaseModel):
    """Recommendations for a user."""

    user_id: int
    is_personal: bool = Field(description="False for a user without favourites, who gets the overall favourites.")
    note: str | None = Field(description="Says so, or that no movie passes the filters.")
    cluster: ClusterName | None
    recommendations: list[Recommendation]


class Favourite(Movie):
    """A movie that a user favourited."""

    rated_at: datetime | None = Field(description="Time in UTC, null if unknown.")


class User(BaseModel):
    """A user as of now."""

    user_id: int
    cluster: ClusterName | None = Field(description="Null for a user without favourites.")
    n_seen: int = Field(description="Movies that were rated or favourited.")
    n_favourites: int
    favourites: list[Favourite] = Field(description="Those favourited last come first.")


class MovieInFull(Movie):
    """A movie and its favourites as of now."""

    imdb_id: str | None
    tmdb_id: int | None
    n_favourites: int = Field(description="Users who favourited it.")
    share: float | None = Field(description="Share of all users with favourites, null without any.")
    rank: int | None = Field(description="1 for the most favourited movie, null without any.")


class Cluster(ClusterName):
    """A cluster of users, as the retrain found it."""

    n_users: int
    n_users_before_merge: int
    n_movies: int
    n_favourites: int
    top_genres: list[str]
    top_movies: list[str]


class ClusterMovie(Movie):
    """A movie that users of a cluster favourited, as of now."""

    rank: int
    n_users: int
    share: float = Field(description="Share of the cluster's users.")
    lift: float = Field(description="Share, as a multiple of that of all users.")


class ClusterGenre(BaseModel):
    """A genre in the favourites of a cluster."""

    genre: str
    n_favourites: int
    share: float
    lift: float


class ClusterInFull(Cluster):
    """A cluster with its most favourited movies and its genres."""

    movies: list[ClusterMovie]
    genres: list[ClusterGenre]


class Changed(BaseModel):
    """What came of a change: it is on disk, and in every later answer."""

    user_id: int
    movie_id: int
    is_favourite: bool
    was_recorded: bool = Field(description="False where it was so before.")


class Health(BaseModel):
    """What is served."""

    run_id: str
    finished_at: datetime
    age_hours: float
    is_stale: bool = Field(description="Whether the tables are older than --max-age.")
    problem: str | None = Field(description="Why what was published last is not served, or tables lag behind.")


class Problem(BaseModel):
    """What went wrong."""

    detail: str
