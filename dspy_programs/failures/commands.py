"""python -m dspy_programs failures ...: thin commands over this package."""

from dspy_programs.cli import new_app

app = new_app("Why did the run of an agent fail? Traces in, causes and fixes out.")


@app.callback()
def failures() -> None:
    """Why did the run of an agent fail? Traces in, causes and fixes out."""
