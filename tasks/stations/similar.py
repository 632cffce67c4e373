"""Similar movies for every movie."""

from tasks.engine import Engine
from tasks.model.similar import find_similar
from tasks.model.types import Fit, Model


def find_similar_movies(engine: Engine, model: Model, fit: Fit, seed: int) -> int:
    """Build ``similar_movies`` from the users of the fit; return its number of rows."""
    found = find_similar(fit.sample, model, seed)
    rows = {
        "movie_id": model.movie_ids[found.movie],
        "rank": found.rank,
        "similar_movie_id": model.movie_ids[found.other],
        "similarity": found.similarity,
    }
    engine.write("similar_movie_rows", rows, "model/similar_movies")
    return len(found.rank)
