"""The detectors: a file for each family of patterns."""
