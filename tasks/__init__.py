"""Steps of the flows, one a file: pure functions, and the Prefect tasks that run them."""
