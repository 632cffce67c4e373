"""The article's approach, made to fit: pandas, a sparse incidence, KMeans(n_init=10) on it, counting in pandas.

Prints the seconds of reading, of the elbow (k = 1 to 30), of the fit at k = 15 and of recommending to all users from
the clusters, in the form of ``cinecluster retrain``.
"""

import sys
import time

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from sklearn.cluster import KMeans

K, MAX_K, STARTS, TOP_N = 15, 30, 10, 20


def main(path: str, n_users: int) -> None:
    """Run it on the favourites of the first ``n_users`` users of a file who have any, and print what it took."""
    started = time.monotonic()
    favourites, users, incidence = read(path, n_users)
    started = tell("Read with pandas", started)
    for k in range(1, MAX_K + 1):
        fit(incidence, k)
    started = tell("Elbow, 1 to 30 clusters", started)
    k_means = fit(incidence, K)
    started = tell("K-means, 15 clusters", started)
    recommend(favourites, k_means.labels_[users])
    tell("Recommend with pandas", started)


def tell(name: str, started: float) -> float:
    """Print the seconds since ``started`` and return the time."""
    now = time.monotonic()
    print(f"{name}   {now - started:.1f} s", flush=True)
    return now


def read(path: str, n_users: int) -> tuple[pd.DataFrame, np.ndarray, csr_matrix]:
    """Return the favourites, the row of each, and the incidence."""
    ratings = pd.read_csv(path)
    favourites = ratings[ratings["rating"] >= 4]
    users = pd.factorize(favourites["userId"], sort=True)[0]
    favourites, users = favourites[users < n_users], users[users < n_users]
    movies = pd.factorize(favourites["movieId"], sort=True)[0]
    return favourites, users, csr_matrix((np.ones(len(users), dtype=np.float32), (users, movies)))


def fit(incidence: csr_matrix, k: int) -> KMeans:
    """Return k-means of the rows, as the article runs it."""
    return KMeans(k, init="k-means++", n_init=STARTS, max_iter=300, random_state=0).fit(incidence)


def recommend(favourites: pd.DataFrame, clusters: np.ndarray) -> int:
    """Recommend to every user the movies that the cluster likes most and the user has not favourited."""
    n_recommended = 0
    for _, members in favourites.groupby(clusters):
        ranking = members["movieId"].value_counts().index.to_numpy()
        for _, own in members.groupby("userId")["movieId"]:
            n_recommended += len(ranking[~np.isin(ranking, own.to_numpy())][:TOP_N])
    return n_recommended


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
