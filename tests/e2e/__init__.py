"""Operation with a real Prefect server, pool and worker; `make e2e` runs it."""
