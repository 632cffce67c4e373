"""Faults on purpose. ``make faults`` runs them; they take minutes, so the other tests do without them."""
