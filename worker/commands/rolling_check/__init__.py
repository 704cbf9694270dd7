"""What `rolling-check` is made of: load and watch, the group and its update, the judge and its report."""
