"""What a model is: its text form, its files, where they are kept and how they turn text into scores."""
