"""What runs the network: text ids in, probabilities out."""
