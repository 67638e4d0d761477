"""python -m dspy_programs data ...: thin commands over this package, one file of commands for each part."""

from dspy_programs.cli import new_app
from dspy_programs.data.export.commands import export, notebook, push
from dspy_programs.data.labels.commands import label

app = new_app("Make training data: read, check, judge, label, grow, export.")


@app.callback()
def data() -> None:
    """Make training data: read, check, judge, label, grow, export."""


app.command("label")(label)
app.command("export")(export)
app.command("push")(push)
app.command("notebook")(notebook)
