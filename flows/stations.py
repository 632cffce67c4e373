"""The stations of the flows as Prefect tasks: the one place where functions become tasks."""

from flows import story
from tasks.favourites import change, log, overlay
from tasks.published import checks, parquet, postgresql, publish, status
from tasks.quality import choose, evaluate
from tasks.report import page, pictures
from tasks.source import demo_source, files, ingest, movie_ids
from tasks.stations import (
    clusters,
    evaluation,
    interactions,
    quality,
    recommendations,
    recommender,
    rules,
    similar,
    summary,
)
from tasks.task import is_passing, task

RETRIED = {"retries": 1, "retry_delay_seconds": 2, "retry_condition_fn": is_passing}

make_demo_source = task("Make demo data")(demo_source.make_demo_source)
read_movie_rules = task("Read which movies may be recommended")(movie_ids.read_movie_rules)
ingest_ratings = task("Read the ratings", story.of_rows, **RETRIED)(files.ingest_ratings)
ingest_favourites_log = task("Read the log of favourites", story.number_of("users and movies"))(
    log.ingest_favourites_log
)
ingest_movies = task("Read the movies", story.number_of("movies"), **RETRIED)(ingest.ingest_movies)
select_favourites = task("Select the favourites", story.number_of("favourites"))(interactions.select_favourites)
build_interactions = task("Build the incidence", story.of_incidence)(interactions.build_interactions)
withhold_movies = task("Withhold movies")(rules.withhold_movies)
load_sample = task("Load the users to learn from", story.of_sample)(interactions.load_sample)

embed_users = task("Embed the users")(recommender.embed_users)
measure_elbow = task("Measure the elbow", story.of_elbow)(recommender.measure_elbow)
cluster_users = task("Cluster the users", story.of_clusters)(recommender.cluster_sample)
merge_small_clusters = task("Merge small clusters", story.of_clusters)(recommender.merge_clusters)
choose_settings = task("Choose by held-out quality", story.of_choice)(choose.choose_settings)
cluster_finely = task("Cluster the users finely", story.of_clusters)(recommender.cluster_finely)
fit_recommender = task("Fit the recommender", story.of_recommender)(recommender.fit_recommender)

recommend_movies = task("Recommend movies", story.number_of("recommendations"))(recommendations.recommend_movies)
find_similar_movies = task("Find similar movies")(similar.find_similar_movies)
describe_clusters = task("Describe the clusters")(clusters.describe_clusters)
write_choices = task("Write what was chosen")(clusters.write_choices)
compare_quality = task("Compare the quality", story.of_quality)(quality.compare_quality)
evaluate_recommenders = task("Evaluate")(evaluate.evaluate_recommenders)
evaluate_unseen_users = task("Evaluate on unseen users")(evaluate.evaluate_unseen_users)
add_evaluation = task("Write the evaluation")(evaluation.add_evaluation)
publish_evaluation = task("Publish the evaluation")(evaluation.publish_evaluation)

measure_clusters = task("Measure the clusters", story.of_measures)(recommender.measure_sample)
draw_reports = task("Draw the reports")(pictures.draw_reports)
write_summary = task("Write the summary")(summary.write_summary)
write_page = task("Write the page")(page.write_page)
check_tables = task("Check the tables", story.of_checks)(checks.check_tables)
move_to_parquet = task("Move large tables to Parquet")(parquet.move_to_parquet)
add_views = task("Combine tables and favourites since")(overlay.add_views)
shrink_build = task("Shrink the file")(parquet.shrink_build)
publish_tables = task("Publish", story.of_published)(publish.publish_tables)
write_metrics = task("Write the metrics")(status.write_metrics)
restore_reports = task("Restore the pictures")(publish.restore_reports)
export_to = task("Export to PostgreSQL")(postgresql.export_to)
change_favourites = task("Change the favourites")(change.change_favourites)
