"""python -m dspy_programs data pipeline run: a thin command over this part."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from dspy_programs.cli import GATE_CLOSED, INTERRUPTED, new_app
from dspy_programs.data.options import DataOption, JsonOption, print_result

app = new_app("Run all steps of a data set, as a YAML file says; a second run does only what changed.")


@app.callback()
def pipeline() -> None:
    """Run all steps of a data set, as a YAML file says; a second run does only what changed."""


def run(
    file: Annotated[Path, typer.Argument(help="The pipeline, as YAML.")],
    plan: Annotated[bool, typer.Option("--plan", help="Only show which steps would run, and why.")] = False,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="After a step that did not pass, run the others that can run.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run every step, whether or not something changed.")] = False,
    data: DataOption = Path("data"),
    as_json: JsonOption = False,
) -> None:
    """Run a pipeline: `dataset:` and `steps:`, each a command's name with its options (_ for -).

    Steps: ingest, validate, score, judge, label, compare, calibrate, export, visualize. `judgments: auto` is the tag of the
    last judge step; `write_clean: true` makes the data set NAME.clean, and any step takes `dataset:`. Paths are relative to
    where the command runs.

    A step whose options, input files and outputs are as they were is not run again. Exit code: 0; 1 if a step failed or a
    gate is closed; 2 for a wrong pipeline, before anything is done; 130 after Ctrl-C.
    """
    from dspy_programs.data.folder import DataFolder
    from dspy_programs.data.pipeline.pipeline import read_pipeline
    from dspy_programs.data.pipeline.plan import plan_of
    from dspy_programs.data.pipeline.record import Record
    from dspy_programs.data.pipeline.run import run_pipeline
    from dspy_programs.data.pipeline.show import line_of_step, lines_of_plan, lines_of_run

    folder, steps = DataFolder(data), read_pipeline(file)
    if plan:
        found = plan_of(steps.placed(folder), Record(folder, file), fresh)
        print_result([each.as_dict() for each in found], lines_of_plan(found), as_json)
        return
    done = run_pipeline(steps, folder, keep_going, fresh, lambda step: print(line_of_step(step), file=sys.stderr, flush=True))
    print_result(done.model_dump(mode="json"), lines_of_run(done), as_json)
    if done.interrupted:
        raise typer.Exit(INTERRUPTED)
    if not done.passed:
        raise typer.Exit(GATE_CLOSED)


app.command("run")(run)
