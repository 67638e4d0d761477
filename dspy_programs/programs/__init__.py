"""The programs, a room each: its signature and module, and the rules that answer without a model."""
