"""Every setting, read from flags, the environment and files."""
