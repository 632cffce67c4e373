"""Hostile files, odd places and dead processes: what is ours is replaced, what is not is not touched."""
