"""Which worker runs which version."""
