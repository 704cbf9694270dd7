"""The judge of every delivery test is the one that `python -m worker rolling-check` judges a running group with."""

from worker.commands.rolling_check.checker import Seen, Sent, Verdict, check

__all__ = ["Seen", "Sent", "Verdict", "check"]
