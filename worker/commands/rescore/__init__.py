"""Scores a range of old reviews again with another version."""
