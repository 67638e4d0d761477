"""python -m dspy_programs budget ...: thin commands over this package."""

from dspy_programs.cli import new_app

app = new_app("Find the smallest prompt that is as good as the whole one.")


@app.callback()
def budget() -> None:
    """Find the smallest prompt that is as good as the whole one."""
