"""When a task is done, and who says so."""
