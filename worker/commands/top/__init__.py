"""What limits the workers."""
