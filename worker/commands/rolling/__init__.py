"""What `rolling-check` is made of: the load and the watch over it, the group and its update, the judge and its report."""
