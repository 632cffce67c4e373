"""The retrain: ratings in, recommendations for every user out."""

import sys
from typing import Any

from prefect import flow

from flows.artifacts import name_run, show_run
from flows.config import RetrainConfig, with_parameters_of
from flows.notify import notify_webhook
from tasks.checks import check_tables
from tasks.clusters import (
    cluster_finely,
    cluster_users,
    compare_tastes,
    embed_users,
    measure_clusters,
    number_by_size,
    weigh_nearest_clusters,
)
from tasks.elbow import choose_n_clusters, measure_wcss
from tasks.evaluate import add_evaluation, evaluate_recommenders
from tasks.favourite import carry_favourites
from tasks.favourites_log import ingest_favourites_log
from tasks.incidence import load_disliked, load_evidence, load_incidence, select_favourites
from tasks.ingest import ingest_movies, ingest_ratings
from tasks.merge import merge_small_clusters
from tasks.overlay import add_views
from tasks.page import write_page
from tasks.publish import new_build, publish_tables, restore_reports
from tasks.quality import choose_n_fine_clusters, measure_quality
from tasks.recommend import recommend_movies
from tasks.reports import draw_reports
from tasks.source import make_demo_source
from tasks.tables import write_clusters, write_elbow, write_recommendations, write_summary


@flow(name="retrain", flow_run_name=name_run, on_failure=[notify_webhook], on_crashed=[notify_webhook])
@with_parameters_of(RetrainConfig)
def retrain(**options: Any) -> dict[str, Any]:
    """Cluster the users by their favourites and publish recommendations for every one of them.

    The tables are built in a file of their own, checked, and then replace the published ones in one step: until
    then, and if anything fails, those stay as they are.
    """
    c = RetrainConfig(**options)
    with new_build(c.database) as build:
        restore_reports(c.database, c.reports)
        source = c.source or make_demo_source(c.database.parent / "demo")
        rows = ingest_ratings(build.database, source, c.max_rejected_share, c.memory_limit)
        ingest_favourites_log(build.database, c.database)
        ingest_movies(build.database, source, c.max_rejected_share)
        select_favourites(build.database, c.min_rating, c.first_movies, c.first_users, c.memory_limit)
        incidence = load_incidence(build.database, c.memory_limit)
        disliked = load_disliked(build.database, incidence.matrix.shape, c.min_rating, c.exclude_seen, c.memory_limit)
        evidence = load_evidence(build.database, incidence.matrix.shape, c.min_rating, c.watched_weight, c.memory_limit)

        points = embed_users(incidence.matrix, evidence, c.weighting, c.n_components, c.recency, c.seed)
        wcss = measure_wcss(points, c.max_clusters, c.n_init, c.max_iter, c.elbow_users, c.seed)
        elbow = choose_n_clusters(wcss, c.elbow_rule, c.elbow_boundary)
        n_clusters = c.n_clusters if isinstance(c.n_clusters, int) else elbow
        found = cluster_users(points, incidence.matrix, n_clusters, c.n_init, c.max_iter, c.refine_steps, c.seed)
        merged = merge_small_clusters(found, points, incidence.matrix, c.min_cluster_size, c.merge_by)
        clusters = number_by_size(merged)

        quality = measure_quality(evidence, disliked, c.method, c.n_fine_clusters, c.quality_users)
        n_fine_clusters = choose_n_fine_clusters(c.n_fine_clusters, quality, len(clusters.labels))
        fine = cluster_finely(points, clusters, n_fine_clusters, c.seed)
        nearness = weigh_nearest_clusters(points, fine, c.n_nearest_clusters, c.closeness)
        tastes = compare_tastes(points, incidence.matrix, c.taste_weight)
        best = recommend_movies(incidence.matrix, evidence.weights, disliked, fine, nearness, tastes, c.method, c.top_n)

        write_elbow(build.database, wcss, elbow, n_clusters, quality, n_fine_clusters)
        write_clusters(
            build.database,
            incidence,
            found,
            clusters,
            c.min_cluster_size,
            fine,
            nearness,
            tastes,
            c.min_rating,
            c.memory_limit,
        )
        write_recommendations(
            build.database, incidence, clusters.labels, best, c.exclude_seen, c.method, c.memory_limit
        )
        measured = evaluate_recommenders(evidence, disliked, c.method, c.evaluate_users, c.seed) if c.evaluate else None
        add_evaluation(build.database, measured)
        draw_reports(build.database, incidence.matrix, points, found, clusters, c.min_cluster_size, c.boundary, c.seed)
        metrics = measure_clusters(points, found, clusters, fine, c.n_init, c.max_iter, c.seed)
        summary = write_summary(build, c.database, rows, c.model_dump(mode="json"), metrics)
        write_page(build.database, c.database)
        check_tables(build.database, c.database, c.top_n, c.min_cluster_size, c.max_drop, c.memory_limit)
        add_views(build, c.database)
        with carry_favourites(build, c.database):
            publish_tables(build, c.database, c.keep)
        restore_reports(c.database, c.reports)
    show_run(c.database, c.reports)
    return summary


if __name__ == "__main__":
    from flows.cli import main

    main(["retrain", *sys.argv[1:]])
