"""How slow a pattern is here: timed against its mend, in a process of its own."""
