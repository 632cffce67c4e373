"""The stations of the flows as Prefect tasks: the one place where functions become tasks."""

from tasks.favourites import change, log, overlay
from tasks.published import checks, publish, status
from tasks.quality import choose, evaluate
from tasks.report import page, pictures
from tasks.source import demo_source, files, ingest
from tasks.stations import clusters, evaluation, interactions, quality, recommendations, recommender, summary
from tasks.task import is_passing, task

RETRIED = {"retries": 1, "retry_delay_seconds": 2, "retry_condition_fn": is_passing}

make_demo_source = task("Make demo data")(demo_source.make_demo_source)
ingest_ratings = task("Read the ratings", **RETRIED)(files.ingest_ratings)
ingest_favourites_log = task("Read the log of favourites")(log.ingest_favourites_log)
ingest_movies = task("Read the movies", **RETRIED)(ingest.ingest_movies)
select_favourites = task("Select the favourites")(interactions.select_favourites)
build_interactions = task("Build the incidence")(interactions.build_interactions)
load_sample = task("Load the users to learn from")(interactions.load_sample)

embed_users = task("Embed the users")(recommender.embed_users)
measure_elbow = task("Measure the elbow")(recommender.measure_elbow)
cluster_users = task("Cluster the users")(recommender.cluster_sample)
merge_small_clusters = task("Merge small clusters")(recommender.merge_clusters)
choose_settings = task("Choose by held-out quality")(choose.choose_settings)
cluster_finely = task("Cluster the users finely")(recommender.cluster_finely)
fit_recommender = task("Fit the recommender")(recommender.fit_recommender)

place_users = task("Place the users")(clusters.place_users)
recommend_movies = task("Recommend movies")(recommendations.recommend_movies)
describe_clusters = task("Describe the clusters")(clusters.describe_clusters)
write_choices = task("Write what was chosen")(clusters.write_choices)
compare_quality = task("Compare quality with the run before")(quality.compare_quality)
evaluate_recommenders = task("Evaluate")(evaluate.evaluate_recommenders)
evaluate_unseen_users = task("Evaluate on unseen users")(evaluate.evaluate_unseen_users)
add_evaluation = task("Write the evaluation")(evaluation.add_evaluation)
publish_evaluation = task("Publish the evaluation")(evaluation.publish_evaluation)

measure_clusters = task("Measure the clusters")(recommender.measure_sample)
draw_reports = task("Draw the reports")(pictures.draw_reports)
write_summary = task("Write the summary")(summary.write_summary)
write_page = task("Write the page")(page.write_page)
check_tables = task("Check the tables")(checks.check_tables)
add_views = task("Combine tables and favourites since")(overlay.add_views)
publish_tables = task("Publish")(publish.publish_tables)
write_metrics = task("Write the metrics")(status.write_metrics)
restore_reports = task("Restore the pictures")(publish.restore_reports)
change_favourites = task("Change the favourites")(change.change_favourites)
