"""The retrain: ratings in, recommendations for every user out."""

from typing import Any

from prefect import flow

from flows.artifacts import name_run, show_run
from flows.config import RetrainOptions, with_parameters_of
from flows.notify import notify_webhook
from flows.stations import (
    add_evaluation,
    add_views,
    build_interactions,
    check_tables,
    cluster_finely,
    cluster_users,
    describe_clusters,
    draw_reports,
    embed_users,
    evaluate_recommenders,
    fit_recommender,
    ingest_favourites_log,
    ingest_movies,
    ingest_ratings,
    load_sample,
    make_demo_source,
    measure_clusters,
    measure_elbow,
    measure_quality,
    merge_small_clusters,
    place_users,
    publish_tables,
    recommend_movies,
    restore_reports,
    select_favourites,
    write_elbow,
    write_page,
    write_summary,
)
from tasks.engine.duckdb import DuckDBEngine
from tasks.favourites.change import carry_favourites
from tasks.model.types import Groups
from tasks.published.publish import new_build
from tasks.stations.summary import RunFacts


@flow(name="retrain", flow_run_name=name_run, on_failure=[notify_webhook], on_crashed=[notify_webhook])
@with_parameters_of(RetrainOptions)
def retrain(**options: Any) -> dict[str, Any]:
    """Cluster the users by their favourites and publish recommendations for every one of them.

    The tables are built in a file of their own, checked, and then replace the published ones in one step: until
    then, and if anything fails, those stay as they are.
    """
    o = RetrainOptions(**options)
    with new_build(o.database) as build:
        engine = DuckDBEngine(build.database, o.memory_limit)
        restore_reports(o.database, o.reports)
        source = o.source or make_demo_source(o.database.parent / "demo")
        rows = ingest_ratings(engine, source, o.max_rejected_share)
        ingest_favourites_log(engine, o.database)
        ingest_movies(engine, source, o.max_rejected_share)
        select_favourites(engine, o.favourites)
        movies = build_interactions(engine)
        sample = load_sample(engine, o.model)

        space, points = embed_users(sample, movies, o.model)
        elbow = measure_elbow(points, movies, o.model)
        found = cluster_users(points, sample, elbow.chosen, o.model)
        clusters = merge_small_clusters(found, points, sample, o.model)
        quality = measure_quality(sample, o.model)
        fine = cluster_finely(points, clusters, quality, o.model)
        groups = Groups(found, clusters, fine)
        model, groups = fit_recommender(engine, sample, movies, space, groups, o.model)

        place_users(engine, model, sample, groups, o.min_cluster_size)
        recommend_movies(engine, model, sample, groups, o.top_n)
        describe_clusters(engine, model)
        write_elbow(engine, elbow, quality, len(fine.centroids))
        add_evaluation(engine, evaluate_recommenders(sample, o.model) if o.evaluate else None)
        draw_reports(engine, sample, points, groups, o.model)
        metrics = measure_clusters(points, groups, o.model)
        summary = write_summary(engine, build, o.database, RunFacts(rows, o.as_json(), metrics))
        write_page(engine, o.database)
        check_tables(engine, o.database, o.checks)
        add_views(engine, build.run_id, o.database)
        with carry_favourites(build, o.database):
            publish_tables(build, o.database, o.keep)
        restore_reports(o.database, o.reports)
    show_run(o.database, o.reports)
    return summary
