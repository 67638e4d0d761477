"""One file a failure mode: each gives its evidence and its confidence, or None."""
