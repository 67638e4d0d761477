"""python -m dspy_programs data ...: thin commands over this package, one file of commands for each part."""

from dspy_programs.cli import new_app
from dspy_programs.data.checks.commands import validate
from dspy_programs.data.export.commands import export, notebook, push
from dspy_programs.data.growing.commands import run, status
from dspy_programs.data.judging.commands import judge
from dspy_programs.data.judging.measure_commands import calibrate, compare_judgments
from dspy_programs.data.labels.commands import label
from dspy_programs.data.pipeline.commands import app as pipeline
from dspy_programs.data.reading.commands import info, ingest, init, ls
from dspy_programs.data.reports.commands import diff, report, visualize
from dspy_programs.data.scorer.commands import fix, score, score_diff, stats

app = new_app("Make training data: read, check, judge, label, grow, export.")


@app.callback()
def data() -> None:
    """Make training data: read, check, judge, label, grow, export."""


app.command("init")(init)
app.command("ingest")(ingest)
app.command("ls")(ls)
app.command("info")(info)
app.command("validate")(validate)
app.command("score")(score)
app.command("fix")(fix)
app.command("stats")(stats)
app.command("score-diff")(score_diff)
app.command("diff")(diff)
app.command("judge")(judge)
app.command("calibrate")(calibrate)
app.command("compare")(compare_judgments)
app.command("label")(label)
app.command("run")(run)
app.command("status")(status)
app.add_typer(pipeline, name="pipeline", help="Run all steps of a data set; a second run does only what changed.")
app.command("visualize")(visualize)
app.command("report")(report)
app.command("export")(export)
app.command("notebook")(notebook)
app.command("push")(push)
