"""Reports and comparisons as self-contained pages."""
