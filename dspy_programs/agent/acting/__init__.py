"""One task: who works on it, its calls, and what helps a small model."""
