"""python -m dspy_programs data ...: thin commands over this package, one file of commands for each part."""

from dspy_programs.cli import new_app
from dspy_programs.data.checks.commands import validate
from dspy_programs.data.scorer.commands import fix, score, score_diff, stats

app = new_app("Make training data: read, check, judge, label, grow, export.")


@app.callback()
def data() -> None:
    """Make training data: read, check, judge, label, grow, export."""


app.command("validate")(validate)
app.command("score")(score)
app.command("score-diff")(score_diff)
app.command("fix")(fix)
app.command("stats")(stats)
