"""Say what code does, and what went wrong in logs: by a program and its model, or by rules."""
