"""What the worker is compared with: each a program of its own, written as its users would write it."""
