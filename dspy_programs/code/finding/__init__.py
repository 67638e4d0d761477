"""Find a place in the code: by words, by meaning, by an expression, by structure, by its name."""
