"""python -m optimizers.train --module planner: compile one program for a language model and save it as JSON."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dspy_programs.cli import INTERRUPTED, ApiBaseOption, ApiKeyOption, LmOption, new_app, run
from dspy_programs.cluster import AddressOption, EngineOption, WorkersOption, cluster_named
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
    from optimizers.calls import Budget
    from optimizers.training import Training

app = new_app("Compile a program for a language model: better instructions, measured on unseen rows, saved as JSON.")

_ProposerFlag = Annotated[
    Literal["auto", "rules", "dspy"],
    typer.Option(
        help="Instruction proposer: rules adds short rules from single failures, suited to small models; dspy is DSPy's own. "
        "auto: rules for an embedded --reflection-lm, else dspy."
    ),
]

_AutoFlag = Annotated[
    Literal["light", "medium", "heavy"] | None,
    typer.Option(
        help="Budget preset, as in dspy.GEPA(auto=...). Default: 15 minutes for an embedded --lm, else light with at least "
        "300 metric calls."
    ),
]

_TransferFlag = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Rows from another source (transfer_val) on which the result must not be worse than the program in use. "
        "Default: 16, or as many as the budget allows; 0 for an embedded --lm with a limit on metric calls.",
    ),
]

_ReasoningFlag = Annotated[
    bool | None,
    typer.Option(
        "--reasoning/--no-reasoning",
        help="Whether the search also tries chain of thought. Default: no for an embedded --lm, where it is slow; else yes.",
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
    temperature: Annotated[float | None, typer.Option(min=0, max=2, help="Temperature of --lm. Default: 0.")] = None,
    max_reply_tokens: MaxReplyTokensOption = None,
    timeout: TimeoutOption = None,
    auto: _AutoFlag = None,
    max_metric_calls: Annotated[
        int | None,
        typer.Option(min=1, help="Limit: metric calls during the search; the test is extra."),
    ] = None,
    max_minutes: Annotated[float | None, typer.Option(min=0, help="Limit: minutes, including the test.")] = None,
    budget_tokens: Annotated[
        int | None,
        typer.Option("--budget-tokens", "--max-tokens", min=1, help="Limit: tokens of both models, including the test."),
    ] = None,
    max_usd: Annotated[
        float | None, typer.Option(min=0, help="Limit: US dollars by DSPy's price table, including the test.")
    ] = None,
    proposer: _ProposerFlag = "auto",
    reasoning: _ReasoningFlag = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    threads: ThreadsOption = None,
    data: DataOption = None,
    train_rows: Annotated[int | None, typer.Option(min=1, help="Use only the first N rows. Default: all.")] = None,
    val_rows: RowsOption = None,
    test_rows: RowsOption = None,
    transfer_rows: _TransferFlag = None,
    run_dir: Annotated[Path | None, typer.Option(help="Run folder. Default: runs/<module>/<model>.")] = None,
    resume: Annotated[
        bool | None,
        typer.Option(
            "--resume/--fresh", help="--resume requires an earlier run, --fresh starts over. Default: resume if there is one."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the compiled JSON. Default: the user's directory.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, print the plan, spend nothing.")] = False,
    engine: EngineOption = "here",
    address: AddressOption = None,
    workers: WorkersOption = None,
) -> None:
    """Compile one program, or all. Run the same command again to resume after a stop; no call is paid for twice."""
    print(f"{module}: reading the program and its data", flush=True)
    from dspy_programs.errors import UsageError
    from optimizers.recipes import recipes
    from optimizers.training import default_path, training_of

    wanted = recipes(module, metric)
    if module == ALL and (data or run_dir or out):
        raise UsageError("--data, --run-dir and --out apply to one program; omit them with --module all")
    of_task, of_reflection = (api_base, api_key), (reflection_api_base, reflection_api_key)
    limits = {"max_tokens": max_reply_tokens, "timeout": timeout}
    task, reflection = connect_both(lm, reflection_lm, of_task, of_reflection, temperature, **limits)
    cluster = cluster_named(engine, address, workers)
    budget, levers = _budget_of(max_metric_calls, max_minutes, budget_tokens, max_usd), (proposer, reasoning)
    if auto and budget.metric_calls:
        raise UsageError("--auto and --max-metric-calls both set the number of metric calls; give only one")
    sizes = {"train": train_rows, "val": val_rows, "test": test_rows, "transfer_val": transfer_rows}
    trainings = [
        training_of(recipe, task, reflection, levers, (auto, budget), seed, threads, data, sizes, out, cluster)
        for recipe in wanted
    ]
    places = [run_dir or default_path(training.recipe.name, task.model, data) for training in trainings]
    _train_all(trainings, places, resume, dry_run)


def _train_all(trainings: Sequence["Training"], places: Sequence[Path], resume: bool | None, dry_run: bool) -> None:
    """Train each in its folder; one that fails does not stop the others."""
    from dspy_programs.errors import LanguageModelError, ProgramsError, RunInterrupted
    from optimizers.training import plan_of, require_claimable, summary_of, train_in

    failed: dict[str, str] = {}
    for training, directory in zip(trainings, places, strict=True):
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
        raise LanguageModelError(failure_summary(failed, [training.recipe.name for training in trainings]))


def failure_summary(failed: Mapping[str, str], names: Sequence[str]) -> str:
    """Say which programs failed, why, and which finished."""
    reasons = "; ".join(f"{name}: {reason}" for name, reason in failed.items())
    done = ", ".join(name for name in names if name not in failed) or "none"
    return f"{len(failed)} of {len(names)} programs failed ({reasons}). Done: {done}"


def _budget_of(calls: int | None, minutes: float | None, tokens: int | None, usd: float | None) -> "Budget":
    """Combine the limits. Raises UsageError for one that is not a finite number."""
    from dspy_programs.errors import UsageError
    from optimizers.calls import Budget

    for name, limit in (("--max-minutes", minutes), ("--max-usd", usd)):
        if limit is not None and not math.isfinite(limit):
            raise UsageError(f"{name} {limit}: give a number, or omit it for no limit")
    return Budget(calls, minutes, tokens, usd)


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())
