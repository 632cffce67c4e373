"""The retrain: ratings in, recommendations for every user out."""

from typing import Any

from prefect import flow

from flows import stations
from flows.artifacts import name_run, show_run
from flows.config import RetrainOptions
from flows.limit import time_limit
from flows.notify import NOTIFIED
from flows.parameters import with_parameters_of
from tasks.engine.choose import open_engine
from tasks.favourites.change import carry_favourites
from tasks.model.types import Fit, Groups
from tasks.published.publish import new_build
from tasks.published.status import require_demo_data_before, require_metrics_of_ours
from tasks.stations.summary import RunFacts


@flow(name="retrain", flow_run_name=name_run, **NOTIFIED)
@with_parameters_of(RetrainOptions)
def retrain(**options: Any) -> dict[str, Any]:
    """Cluster the users by their favourites and publish recommendations for every one of them.

    The tables are built in a file of their own, checked, and then replace the published ones in one step: until
    then, and if anything fails, those stay as they are.
    """
    o = RetrainOptions(**options)
    if o.metrics:
        require_metrics_of_ours(o.metrics)
    if o.source is None:
        require_demo_data_before(o.database)
    with time_limit(o.max_hours), new_build(o.database) as build:
        stations.restore_reports(o.database, o.reports)
        rules = stations.read_movie_rules(o.available, o.blocked)
        with open_engine(o.engine_options, build.database) as engine:
            source = o.source or stations.make_demo_source(o.database.parent / "demo")
            rows = stations.ingest_ratings(engine, source, o.max_rejected_share)
            stations.ingest_favourites_log(engine, o.database)
            stations.ingest_movies(engine, source, o.max_rejected_share)
            stations.select_favourites(engine, o.favourites)
            movies = stations.build_interactions(engine)
            withheld = stations.withhold_movies(engine, movies, rules)
            sample = stations.load_sample(engine, o.model)

            space, points = stations.embed_users(sample, movies, o.model)
            elbow = stations.measure_elbow(points, movies, o.model)
            found = stations.cluster_users(points, sample, elbow.chosen, o.model)
            clusters = stations.merge_small_clusters(found, points, sample, o.model)
            choice = stations.choose_settings(sample, movies, o.model)
            fine = stations.cluster_finely(points, clusters, choice, o.model)
            fit = Fit(sample, movies, space, Groups(found, clusters, fine))
            model, fit, learned = stations.fit_recommender(engine, fit, choice, o.model, withheld)

            stations.recommend_movies(engine, model, fit, o.top_n, o.min_cluster_size)
            stations.find_similar_movies(engine, model, fit, o.seed)
            stations.describe_clusters(engine, model)
            stations.write_choices(engine, elbow, choice)
            quality = stations.compare_quality(engine, o.database, choice, o.seed)
            measured = stations.evaluate_recommenders(sample, o.model, withheld=withheld) if o.evaluate else None
            stations.add_evaluation(engine, measured)
            stations.draw_reports(engine, sample, points, fit.groups, o.model)
            metrics = stations.measure_clusters(points, fit.groups, o.model) | learned
            summary = stations.write_summary(engine, build, o.database, RunFacts(rows, o.as_json(), metrics | quality))
            stations.write_page(engine, o.database)
            if o.publish == "parquet":
                stations.move_to_parquet(engine, build, o.database)
            stations.check_tables(engine, o.database, o.checks)
            stations.add_views(engine, build.run_id, o.database)
        if o.publish == "parquet":
            stations.shrink_build(engine)
        with carry_favourites(engine, o.database):
            stations.publish_tables(build, o.database, o.keep)
        stations.restore_reports(o.database, o.reports)
        if o.metrics:
            stations.write_metrics(o.database, o.metrics)
    show_run(o.database, o.reports)
    return summary
