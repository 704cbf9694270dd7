"""What can go wrong in a benchmark."""


class BenchmarkError(Exception):
    """A figure would not be worth anything; the message says why in one sentence."""
