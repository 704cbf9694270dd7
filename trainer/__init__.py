"""Labelled text in, published model out."""
