"""Trying a version beside the one in service: canary and shadow, what they show, and what follows from it."""
