"""The index of a folder's code: definitions, words and vectors in one SQLite file, kept up to date."""
