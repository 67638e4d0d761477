"""python -m dspy_programs memory ...: thin commands over this package."""

from dspy_programs.cli import new_app

app = new_app("Keep an agent's memory within a budget of tokens, facts first.")


@app.callback()
def memory() -> None:
    """Keep an agent's memory within a budget of tokens, facts first."""
