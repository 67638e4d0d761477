"""python -m dspy_programs data ...: thin commands over this package, one file of commands for each part."""

from dspy_programs.cli import new_app
from dspy_programs.data.checks.commands import validate
from dspy_programs.data.growing.commands import run, status
from dspy_programs.data.judging.commands import judge
from dspy_programs.data.judging.measure_commands import calibrate, compare_judgments

app = new_app("Make training data: read, check, judge, label, grow, export.")


@app.callback()
def data() -> None:
    """Make training data: read, check, judge, label, grow, export."""


app.command("validate")(validate)
app.command("judge")(judge)
app.command("calibrate")(calibrate)
app.command("compare")(compare_judgments)
app.command("run")(run)
app.command("status")(status)
