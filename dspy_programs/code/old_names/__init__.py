"""The names of dspy-code: its commands, options and environment variables, and what does their work here."""
