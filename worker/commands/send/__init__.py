"""Sends reviews to the input topic."""
