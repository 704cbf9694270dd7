"""How many partitions, workers and brokers for a rate, from measured figures: `python -m deploy.capacity --help`."""
