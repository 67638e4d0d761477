"""The folder's own text files: which ones they are, and what is in them."""
