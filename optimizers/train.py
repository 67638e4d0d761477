"""python -m optimizers.train --module planner: compile one program to a language model and save it as JSON."""

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dspy_programs.cli import INTERRUPTED, ApiBaseOption, ApiKeyOption, LmOption, new_app, run
from optimizers.cli import (
    ALL,
    DataOption,
    MaxReplyTokensOption,
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
    import dspy

    from optimizers.meter import Budget
    from optimizers.proposers import Choice
    from optimizers.recipes import Recipe
    from optimizers.training import Report, Training

app = new_app("Compile a program to a language model: better instructions, measured on unseen rows, saved as JSON.")

ProposerFlag = Annotated[
    Literal["auto", "rules", "dspy"],
    typer.Option(
        help="Who rewrites instructions: rules adds short ones from single failures, fit for small models; dspy is DSPy's own. "
        "auto: rules for an embedded --reflection-lm, else dspy."
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
    lm: LmOption = None,
    reflection_lm: ReflectionLmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    reflection_api_base: ReflectionApiBaseOption = None,
    reflection_api_key: ReflectionApiKeyOption = None,
    temperature: Annotated[float | None, typer.Option(min=0, max=2, help="Of --lm. Default: 0.")] = None,
    max_reply_tokens: MaxReplyTokensOption = None,
    timeout: TimeoutOption = None,
    max_metric_calls: Annotated[
        int | None,
        typer.Option(min=1, help="Budget: rows run while compiling. Default: the recipe's, if no other limit."),
    ] = None,
    max_minutes: Annotated[float | None, typer.Option(min=0, help="Budget: minutes of compiling.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Budget: tokens read and written by both models.")] = None,
    max_usd: Annotated[float | None, typer.Option(min=0, help="Budget: US dollars, by DSPy's price table.")] = None,
    proposer: ProposerFlag = "auto",
    reasoning: ReasoningFlag = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every draw.")] = 0,
    threads: ThreadsOption = None,
    data: DataOption = None,
    train_rows: Annotated[int | None, typer.Option(min=1, help="Use the first so many. Default: all.")] = None,
    val_rows: RowsOption = None,
    test_rows: RowsOption = None,
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
    from dspy_programs.errors import UsageError
    from optimizers.data import data_directory
    from optimizers.meter import Budget
    from optimizers.recipes import recipes
    from optimizers.run_directory import default_path

    wanted = recipes(module)
    if module == ALL and (data or run_dir or out):
        raise UsageError("--data, --run-dir and --out belong to one program; leave them out with --module all")
    of_task, of_reflection = (api_base, api_key), (reflection_api_base, reflection_api_key)
    limits = {"max_tokens": max_reply_tokens, "timeout": timeout}
    task, reflection = connect_both(lm, reflection_lm, of_task, of_reflection, temperature, **limits)
    budget, levers = Budget(max_metric_calls, max_minutes, max_tokens, max_usd), (proposer, reasoning)
    sizes = {"train": train_rows, "val": val_rows, "test": test_rows}
    trainings = [
        training_of(recipe, task, reflection, levers, budget, seed, threads, data or data_directory(recipe.name), sizes, out)
        for recipe in wanted
    ]
    for training in trainings:
        directory = run_dir or default_path(training.recipe.name, task.model)
        print(plan_of(training, directory), flush=True)
        if not dry_run:
            report = train_in(directory, training, resume)
            print(summary_of(training, report, directory), flush=True)
            if not report.test:
                raise typer.Exit(INTERRUPTED)


def training_of(
    recipe: "Recipe",
    task: "dspy.LM",
    reflection: "dspy.LM",
    levers: tuple["Choice", bool | None],
    budget: "Budget",
    seed: int,
    threads: int | None,
    data: Path,
    sizes: Mapping[str, int | None],
    out: Path | None,
) -> "Training":
    """Fill in what the recipe says of a default run, and read the rows."""
    from dspy_programs.lm import is_embedded
    from optimizers.meter import Budget
    from optimizers.training import Training, default_out, read_rows

    if budget == Budget():
        budget = Budget(recipe.max_metric_calls, recipe.max_minutes)
    default = {"train": None, "val": recipe.val_rows, "test": recipe.test_rows}
    proposer, reasoning = levers
    return Training(
        recipe=recipe,
        rows=read_rows(recipe, data, {split: size or default[split] for split, size in sizes.items()}),
        task_lm=task,
        reflection_lm=reflection,
        budget=budget,
        seed=seed,
        threads=threads or (1 if is_embedded(task) else 8),
        out=out or default_out(recipe.name, task.model),
        proposer=proposer,
        reasoning=not is_embedded(task) if reasoning is None else reasoning,
    )


def train_in(directory: Path, training: "Training", resume: bool | None) -> "Report":
    """Claim the folder, get the models ready in sight of the user, and train."""
    from dspy_programs.compiled_store import require_writable
    from dspy_programs.lm import prepare
    from optimizers.journal import Journal
    from optimizers.meter import Meter
    from optimizers.progress import Progress
    from optimizers.proposers import kind_for
    from optimizers.run_directory import RunDirectory, identity_of
    from optimizers.training import job_of, rollouts_expected, train

    require_writable(training.out)
    run_directory = RunDirectory(directory, fresh=resume is False, must_exist=resume is True)
    try:
        models = {"task": training.task_lm, "reflection": training.reflection_lm}
        proposer = kind_for(training.reflection_lm, training.proposer)
        starts = job_of(training.recipe, training.rows, training.seed, training.reasoning).starts
        identity = identity_of(training.recipe, training.rows, starts, models, training.seed, proposer)
        if run_directory.claim(identity):
            print("going on with an earlier run: what it paid for is replayed", flush=True)
        else:
            for lm in models.values():
                prepare(lm)
        with contextlib.closing(Journal(run_directory.journal)) as journal:
            meter = Meter()
            return train(training, run_directory, Progress(meter, rollouts_expected(training)), meter, journal)
    finally:
        run_directory.close()


def plan_of(training: "Training", directory: Path) -> str:
    from optimizers.proposers import kind_for

    rows, budget = training.rows, training.budget
    named = {"metric calls": budget.metric_calls, "minutes": budget.minutes, "tokens": budget.tokens, "USD": budget.usd}
    limits = ", ".join(f"{value:g} {name}" for name, value in named.items() if value is not None)
    return "\n".join(
        [
            training.recipe.name,
            f"  rows         {len(rows['train'])} train, {len(rows['val'])} validation, {len(rows['test'])} test",
            f"  task model   {training.task_lm.model}, {training.threads} at a time",
            f"  reflection   {training.reflection_lm.model}, proposer: {kind_for(training.reflection_lm, training.proposer)}",
            f"  budget       {limits}, then at most {2 * len(rows['test'])} test rows",
            f"  run          {directory}",
            f"  result       {training.out}",
        ]
    )


def summary_of(training: "Training", report: "Report", directory: Path) -> str:
    """Say what was found, what it cost, which one was kept and how to use it."""
    from optimizers.compile import best_of
    from optimizers.training import default_out

    seed, best = report.candidates[0], best_of(report.candidates)
    used, test = report.used, report.test
    lines = [
        "",
        f"search      {report.accepted} of {report.proposals} proposed instructions accepted; ended by {report.ended_by}",
        f"validation  seed {seed.score:.3f}, best {best.score:.3f} (candidate {best.index}, "
        f"{best.start} demonstrations), {len(seed.scores)} rows",
    ]
    if "difference" in test:
        verdict = "within noise" if test["difference"].is_noise else "beyond noise"
        lines += [
            f"test        seed {test['seed']} -> compiled {test['compiled']}, {test['seed'].rows} rows",
            f"            difference {test['difference']}: {verdict} (paired bootstrap, 95 %)",
        ]
    elif test:
        lines.append(f"test        seed {test['seed']}, {test['seed'].rows} rows (95 % interval)")
    else:
        lines.append("test        not run: interrupted. Run the same command again to go on from here")
    replayed = f" ({used['replayed_calls']} from an earlier run)" if used["replayed_calls"] else ""
    lines += [
        f"cost        {used['lm_calls']} model calls{replayed}, {used['tokens']:,} tokens, {used['minutes']:.1f} minutes, "
        f"{used['tokens_per_second']:.0f} tokens/s, models at work {used['models_at_work']:.0%} of the time"
        + (f", {used['usd']:.4f} USD" if used["usd"] else ""),
        "kept        "
        + (
            "the compiled program: it beat the seed on validation"
            if report.kept == "compiled"
            else "the seed: what the best gained on validation is within one standard error"
            if best.index
            else "the seed: nothing beat it on validation"
        ),
    ]
    lines += [f"note        {note}" for note in report.notes]
    if report.saved:
        lines.append(f"saved       {report.saved}")
        chosen = (
            ""
            if report.saved == default_out(training.recipe.name, training.task_lm.model)
            else f", path={os.fspath(report.saved)!r}"
        )
        lines.append(f"use         from dspy_programs import load; program = load({training.recipe.name!r}{chosen})")
    lines.append(f"look        python -m optimizers.show {directory}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())
