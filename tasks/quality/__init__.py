"""How good the recommendations are."""
