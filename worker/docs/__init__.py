"""The pages, and what writes the parts that they have from the code. It is not installed."""
