"""How good a prompt is, by its outputs or by a scorer, and which of its parts can go by that measure."""
