"""Ratings and movies from files into tables."""
