"""The broker and the admin on kafka-python."""
