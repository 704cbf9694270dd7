"""Versions of the model: loaded, routed to, scored with, swapped."""
