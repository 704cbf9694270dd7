"""What a network starts from: word and document vectors, and a teacher's soft labels."""
