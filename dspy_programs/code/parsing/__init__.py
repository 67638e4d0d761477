"""Find the definitions in a file, and cut it into chunks."""
