"""The AsyncAPI document of topics and messages."""
