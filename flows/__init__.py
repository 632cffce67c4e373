"""Prefect flows, and the command ``cinecluster`` that runs them."""
