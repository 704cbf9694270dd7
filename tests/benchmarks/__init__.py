"""How fast the worker is, how late and how large, beside what else could be put together: `make bench`."""
