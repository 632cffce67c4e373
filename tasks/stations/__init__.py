"""Stations of a retrain, where tables meet the model: each builds its own tables."""
