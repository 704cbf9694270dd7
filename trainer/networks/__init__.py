"""The networks of Keras, and how they become an artifact."""
