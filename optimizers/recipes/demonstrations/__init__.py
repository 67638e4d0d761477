"""How a labelled row of ours is shown to a model as a demonstration, a file for each program."""
