"""Stores of versions, on a disk or elsewhere: listed, resolved, published and labelled."""
