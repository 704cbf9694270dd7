"""One file for each `python -m worker` command: its flags and what it does."""
