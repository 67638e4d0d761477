"""python -m optimizers.train --module planner: compile one program to a language model and save it as JSON."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dspy_programs.cli import INTERRUPTED, ApiBaseOption, ApiKeyOption, LmOption, new_app, run
from dspy_programs.text import printable
from optimizers.cli import (
    ALL,
    DataOption,
    MaxReplyTokensOption,
    MetricOption,
    ModuleOption,
    ReflectionApiBaseOption,
    ReflectionApiKeyOption,
    ReflectionLmOption,
    RowsOption,
    ThreadsOption,
    TimeoutOption,
    connect_both,
)

if TYPE_CHECKING:
    from optimizers.meter import Budget

app = new_app("Compile a program to a language model: better instructions, measured on unseen rows, saved as JSON.")

ProposerFlag = Annotated[
    Literal["auto", "rules", "dspy"],
    typer.Option(
        help="Who rewrites instructions: rules adds short ones from single failures, fit for small models; dspy is DSPy's own. "
        "auto: rules for an embedded --reflection-lm, else dspy."
    ),
]

AutoFlag = Annotated[
    Literal["light", "medium", "heavy"] | None,
    typer.Option(
        help="Budget by DSPy's own measure, as dspy.GEPA(auto=...). Default: 15 minutes for an embedded --lm, else light and "
        "at least 300 rows."
    ),
]

TransferFlag = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Rows of another source (transfer_val) on which the result must not be worse than what is in use. "
        "Default: 16, or as many as a limit leaves room for; none for an embedded --lm with a limit in rows.",
    ),
]

ReasoningFlag = Annotated[
    bool | None,
    typer.Option(
        "--reasoning/--no-reasoning",
        help="Whether the search tries chain of thought too. Default: not for an embedded --lm, where it is slow.",
    ),
]


@app.command()
def train(
    module: ModuleOption,
    metric: MetricOption = None,
    lm: LmOption = None,
    reflection_lm: ReflectionLmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    reflection_api_base: ReflectionApiBaseOption = None,
    reflection_api_key: ReflectionApiKeyOption = None,
    temperature: Annotated[float | None, typer.Option(min=0, max=2, help="Of --lm. Default: 0.")] = None,
    max_reply_tokens: MaxReplyTokensOption = None,
    timeout: TimeoutOption = None,
    auto: AutoFlag = None,
    max_metric_calls: Annotated[
        int | None,
        typer.Option(min=1, help="Limit: rows run while searching; the test comes on top."),
    ] = None,
    max_minutes: Annotated[float | None, typer.Option(min=0, help="Limit: minutes, test included.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Limit: tokens of both models, test included.")] = None,
    max_usd: Annotated[
        float | None, typer.Option(min=0, help="Limit: US dollars by DSPy's price table, test included.")
    ] = None,
    proposer: ProposerFlag = "auto",
    reasoning: ReasoningFlag = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every draw.")] = 0,
    threads: ThreadsOption = None,
    data: DataOption = None,
    train_rows: Annotated[int | None, typer.Option(min=1, help="Use the first so many. Default: all.")] = None,
    val_rows: RowsOption = None,
    test_rows: RowsOption = None,
    transfer_rows: TransferFlag = None,
    run_dir: Annotated[Path | None, typer.Option(help="Folder of the run. Default: runs/<module>/<model>.")] = None,
    resume: Annotated[
        bool | None,
        typer.Option("--resume/--fresh", help="Insist on an earlier run, or begin anew. Default: go on if there is one."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the compiled JSON. Default: the user's directory.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, print the plan, spend nothing.")] = False,
) -> None:
    """Compile one program, or all. The same command again goes on where it was stopped, and pays for nothing twice."""
    print(f"{module}: reading the program and its data", flush=True)
    from dspy_programs.errors import LanguageModelError, ProgramsError, RunInterrupted, UsageError
    from optimizers.recipes import recipes
    from optimizers.run_directory import default_path
    from optimizers.settings import training_of
    from optimizers.summary import plan_of, summary_of
    from optimizers.training import require_claimable, train_in

    wanted = recipes(module, metric)
    if module == ALL and (data or run_dir or out):
        raise UsageError("--data, --run-dir and --out belong to one program; leave them out with --module all")
    of_task, of_reflection = (api_base, api_key), (reflection_api_base, reflection_api_key)
    limits = {"max_tokens": max_reply_tokens, "timeout": timeout}
    task, reflection = connect_both(lm, reflection_lm, of_task, of_reflection, temperature, **limits)
    budget, levers = budget_of(max_metric_calls, max_minutes, max_tokens, max_usd), (proposer, reasoning)
    if auto and budget.metric_calls:
        raise UsageError("--auto and --max-metric-calls both say how many rows to run; give one of them")
    sizes = {"train": train_rows, "val": val_rows, "test": test_rows, "transfer_val": transfer_rows}
    trainings = [
        training_of(recipe, task, reflection, levers, (auto, budget), seed, threads, data, sizes, out) for recipe in wanted
    ]
    failed: dict[str, str] = {}
    for training in trainings:
        directory = run_dir or default_path(training.recipe.name, task.model, data)
        print(plan_of(training, directory), flush=True)
        if dry_run:
            require_claimable(directory, training, resume)
            continue
        try:
            report = train_in(directory, training, resume)
        except ProgramsError as error:
            if len(trainings) == 1 or isinstance(error, RunInterrupted):
                raise
            failed[training.recipe.name] = str(error)
            print(printable(f"failed      {training.recipe.name}: {error}"), flush=True)
            continue
        print(summary_of(training, report, directory), flush=True)
        if report.interrupted:
            raise typer.Exit(INTERRUPTED)
    if failed:
        raise LanguageModelError(told(failed, [training.recipe.name for training in trainings]))


def told(failed: Mapping[str, str], names: Sequence[str]) -> str:
    """Say which programs failed, why, and which are done."""
    reasons = "; ".join(f"{name}: {reason}" for name, reason in failed.items())
    done = ", ".join(name for name in names if name not in failed) or "none"
    return f"{len(failed)} of {len(names)} programs failed ({reasons}). Done: {done}"


def budget_of(calls: int | None, minutes: float | None, tokens: int | None, usd: float | None) -> "Budget":
    """Put the limits together. Raises UsageError for one that is no number."""
    from dspy_programs.errors import UsageError
    from optimizers.meter import Budget

    for name, limit in (("--max-minutes", minutes), ("--max-usd", usd)):
        if limit is not None and not math.isfinite(limit):
            raise UsageError(f"{name} {limit}: give a number, or leave it out for no limit")
    return Budget(calls, minutes, tokens, usd)


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())
