"""What this project depends on: whether any of it is known to be vulnerable, and under which licences it comes."""
