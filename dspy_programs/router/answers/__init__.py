"""Answers that are kept: in memory, in a file, or in Redis."""
