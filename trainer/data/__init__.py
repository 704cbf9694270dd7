"""From files of reviews to arrays: read, split, counted, batched."""
