"""The strength of the item model that suits all users, of whom settings were tried on some."""

from functools import partial

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tasks.blocks import select_users
from tasks.model.fit import SumBlocks, complete_model, count_all
from tasks.model.items import discounted, gram_of
from tasks.model.types import Fit, ItemSettings, Model, ModelOptions
from tasks.quality.choose import FEWEST_FAVOURITES, users_to_try
from tasks.quality.holdout import Split, draw_tested, hold_out
from tasks.quality.item_scores import Basis
from tasks.quality.item_search import at_once, search_strength
from tasks.quality.mixture import Mixture, popularity_of

MOST_MOVIES = 1500  # the most favourited ones, with which strengths are compared

Exam = tuple[Mixture, Basis]


def fit_for_all(
    fit: Fit, options: ModelOptions, settings: ItemSettings, sum_blocks: SumBlocks
) -> tuple[Model, Fit, ItemSettings]:
    """Return model and fit as `tasks.model.fit.fit_model` does, and the settings with the strength for all users."""
    model, sums = count_all(fit, options, settings, sum_blocks)
    if "gram" in sums:
        settings = strength_for_all(sums["gram"], fit, settings, options)
    return *complete_model(model, fit, sums, settings), settings


def strength_for_all(
    gram: NDArray[np.floating], fit: Fit, settings: ItemSettings, options: ModelOptions
) -> ItemSettings:
    """Return the settings with the strength that suits all users, and the unit that goes with it.

    The more users the item model learns from, the less it has to be regularised. Of the users whom settings were tried
    on, some favourites are held out: what these add to the Gram matrix is taken out of it. Then strengths are compared
    by the item model alone. Where settings were tried on all users, nothing changes.

    Parameters
    ----------
    gram : of all users, shape (n_items, n_items), with the session weight of ``settings``.
    fit : with the sample of users whom settings were tried on.
    settings : what `tasks.quality.choose.choose_settings` chose.
    options : with the seed, and ``quality_users``, how many are recommended to.
    """
    users = users_to_try(fit.sample, options.seed)
    if len(users.user_ids) == fit.movies.n_users:
        return settings
    kinds = ["random", "temporal"] if users.seconds.any() else ["random"]
    splits = [hold_out(users, kind, options.seed, FEWEST_FAVOURITES) for kind in kinds]
    part = partial(gram_of, n_items=len(gram), session_weight=settings.session_weight, n_first=MOST_MOVIES)
    with threadpool_limits(1, "blas"):
        parts = at_once(part, [users, *(split.train for split in splits)])
        others = gram[:MOST_MOVIES, :MOST_MOVIES] - parts.pop(0)
        exams = [make_exam(split, others + own, settings, options) for split, own in zip(splits, parts, strict=True)]
        exams = [(mixture, basis) for mixture, basis in exams if mixture.test.nnz]
        return search_for_all(exams, settings) if exams else settings


def make_exam(split: Split, gram: NDArray[np.floating], settings: ItemSettings, options: ModelOptions) -> Exam:
    """Return some users with held-out favourites, to whom the clusters recommend all movies alike, and what the item
    model is learned from, ``gram``."""
    n_movies = len(gram)
    test = split.test[:, :n_movies]
    tested = draw_tested(test, split.train.user_ids, options.quality_users, options.seed + 2)
    users, test = select_users(split.train, tested), test[tested]
    alike, nothing = np.ones(test.shape, dtype=np.float32), np.zeros(test.shape, dtype=np.float32)
    scored = discounted(users, n_movies, settings.recency)
    axes = np.zeros((n_movies, 0), dtype=np.float32)
    basis = Basis(scored, scored, np.diag(gram).copy(), gram.astype(np.float32), axes, nothing, 0.0)
    return Mixture(users, split.train, test, alike, *popularity_of(split.train, n_movies)), basis


def search_for_all(exams: list[Exam], settings: ItemSettings) -> ItemSettings:
    """Return the settings with the strength, and the unit, that the item model alone does best with."""
    alone = settings._replace(weight=1.0, low_rank=0.0)
    mixtures, bases = ([*each] for each in zip(*exams, strict=True))
    tried = search_strength(mixtures, bases, alone, (alone.strength, alone.strength / 2), (0.0,))
    best = max(tried, key=lambda each: each.quality).settings
    [unit_before] = [each.settings.unit for each in tried if each.settings.strength == alone.strength]
    unit = float(f"{settings.unit * best.unit / unit_before:.3g}")
    return settings._replace(strength=best.strength, unit=unit)
