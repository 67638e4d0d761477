"""What the router learns: how fast models are, whether they answer, and how good they are at each program."""
