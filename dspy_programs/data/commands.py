"""python -m dspy_programs data ...: thin commands over this package, one file of commands for each part."""

from dspy_programs.cli import new_app
from dspy_programs.data.checks.commands import validate

app = new_app("Make training data: read, check, judge, label, grow, export.")


@app.callback()
def data() -> None:
    """Make training data: read, check, judge, label, grow, export."""


app.command("validate")(validate)
