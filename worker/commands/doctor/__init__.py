"""The parts of `doctor`: what is looked at, what is thought of it, and in which words."""
