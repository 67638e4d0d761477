"""What a prompt is: its sections, the statements in them, which of these bind, and which are examples."""
