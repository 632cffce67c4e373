"""Favourites between two retrains."""
