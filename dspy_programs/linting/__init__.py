"""The command lint-loops: what the linter finds, and why it is slow by the program loop_explainer."""
