"""python -m optimizers.benchmark: compare optimizers on the library's programs, with one language model."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dspy_programs.cli import GATE_CLOSED, ApiBaseOption, ApiKeyOption, LmOption, new_app, run
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
    from optimizers.calls import Record
    from optimizers.comparison import Run

app = new_app(
    "Compare optimizers on the same rows at the same budget: stock dspy.GEPA, BootstrapFewShotWithRandomSearch, MIPROv2, "
    "labelled demonstrations with no optimizer (labelled), the uncompiled program (seed), and this library (ours)."
)

SEEDS = 3


@app.command()
def benchmark(
    module: ModuleOption = ALL,
    metric: MetricOption = None,
    lm: LmOption = None,
    reflection_lm: ReflectionLmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    reflection_api_base: ReflectionApiBaseOption = None,
    reflection_api_key: ReflectionApiKeyOption = None,
    max_reply_tokens: MaxReplyTokensOption = None,
    timeout: TimeoutOption = None,
    optimizers: Annotated[
        str | None, typer.Option(help="Comma-separated subset. Default: all. The reference, seed, always runs.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Runs of each, with random seeds 0, 1, ... Default: 3; with --scripted, 8.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="One random seed only; with --scripted, the smallest cells.")] = False,
    metric_calls: Annotated[
        int | None, typer.Option(min=1, help="Budget: metric calls during the search. Default: the recipe's.")
    ] = None,
    threads: ThreadsOption = None,
    data: DataOption = None,
    val_rows: RowsOption = None,
    test_rows: RowsOption = None,
    out: Annotated[Path, typer.Option(help="Folder for results and report, with one subfolder per model.")] = Path(
        "benchmarks"
    ),
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over; old files are kept alongside. Default: resume.")] = False,
    report_only: Annotated[
        bool, typer.Option("--report-only", help="Build the report from finished runs; no model is called.")
    ] = False,
    scripted: Annotated[
        bool,
        typer.Option("--scripted", help="Compare ours with dspy.GEPA on scripted models with hidden rules; needs no model."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --scripted: print JSON instead of the table.")] = False,
) -> None:
    """Run what has not run yet, one optimizer after the other, and update the report after each. Run the same command
    again to resume; no call is paid for twice, and answers that `train` paid for in this folder are reused."""
    from dspy_programs.errors import UsageError

    if scripted:
        if module != ALL or any((optimizers, metric_calls, data, val_rows, test_rows, report_only)):
            raise UsageError(
                "--scripted has its own programs, rows and budgets; give it --seeds, --quick, --json, --out, --fresh"
            )
        raise typer.Exit(_compare_scripted(out / "scripted", seeds, quick, fresh, as_json))
    if as_json:
        raise UsageError("--json works only with --scripted; the other comparison writes report.json")
    print(f"{module}: reading programs and data", flush=True)
    from dspy_programs.registry import file_name, is_own
    from optimizers.calls import Budget
    from optimizers.comparison import runs_of
    from optimizers.plotting import require_matplotlib
    from optimizers.recipes import recipes
    from optimizers.training import training_of

    if module == ALL and data:
        raise UsageError("--data applies to one program; name it with --module")
    if fresh and report_only:
        raise UsageError("--fresh leaves nothing to report; give either --fresh or --report-only")
    names = chosen(optimizers, report_only)
    require_matplotlib()
    of_task, of_reflection = (api_base, api_key), (reflection_api_base, reflection_api_key)
    limits = {"max_tokens": max_reply_tokens, "timeout": timeout}
    task, reflection = connect_both(lm, reflection_lm, of_task, of_reflection, **limits)
    asked_for = recipes(module, metric)
    wanted = {recipe.name for recipe in asked_for}
    compared = asked_for if data or is_own(module) else recipes(ALL)
    trainings = [
        training_of(
            recipe,
            task,
            reflection,
            asked=(None, Budget(metric_calls=metric_calls or recipe.max_metric_calls)),  # not minutes: engines differ
            threads=threads,
            data=data,
            sizes={"val": val_rows or recipe.val_rows, "test": test_rows or recipe.test_rows, "transfer_val": 0},
        )
        for recipe in compared
    ]
    every = runs_of(trainings, names, 1 if quick else seeds or SEEDS)
    asked = [] if report_only else [each for each in every if each.program in wanted]
    compare(every, asked, out / file_name(task.model), fresh)


def compare(every: Sequence["Run"], asked: Sequence["Run"], path: Path, fresh: bool) -> None:
    """Run those of `asked` that the folder's journal lacks, and report on `every`."""
    from dspy_programs.lm import prepare
    from optimizers.comparison import claimed, finished, run_all

    with claimed(path, fresh=fresh) as directory:
        results = finished(directory)
        if asked:
            print(f"{sum(each.key in results for each in asked)} of {len(asked)} runs are already in {path}", flush=True)
        if any(each.key not in results for each in asked):
            prepare(asked[0].training.task_lm)
            prepare(asked[0].training.reflection_lm)
        _write_report(path, every, results)
        run_all(asked, directory, results, say, lambda: _write_report(path, every, results))
    print((path / "report.md").read_text(encoding="utf-8"))
    print(f"report      {path / 'report.md'}, report.json, report.png")


def _compare_scripted(path: Path, seeds: int | None, quick: bool, fresh: bool, as_json: bool) -> int:
    """Compare on scripted models and return the exit code: GATE_CLOSED if ours trails in any cell or in the mean."""
    print("scripted models: ours and dspy.GEPA", file=sys.stderr, flush=True)
    from optimizers.comparison import scripted_benchmark

    comparison = scripted_benchmark.compare(path, seeds, quick, fresh, lambda text: print(text, file=sys.stderr, flush=True))
    print(json.dumps(scripted_benchmark.as_json(comparison), indent=1) if as_json else scripted_benchmark.as_table(comparison))
    return 0 if comparison.holds else GATE_CLOSED


def chosen(optimizers: str | None, report_only: bool) -> list[str]:
    """Return the names in their usual order, including the reference. Raises UsageError, MissingExtra."""
    from dspy_programs.errors import UsageError
    from optimizers.comparison import OPTIMIZERS, REFERENCE, require_optuna

    asked = list(OPTIMIZERS) if optimizers is None else [name.strip() for name in optimizers.split(",") if name.strip()]
    if unknown := [name for name in asked if name not in OPTIMIZERS]:
        raise UsageError(f"--optimizers: unknown optimizer {unknown[0]!r}; choose from {', '.join(OPTIMIZERS)}")
    if "MIPROv2" in asked and not report_only:
        require_optuna()
    return [name for name in OPTIMIZERS if name in asked or name == REFERENCE]


def _write_report(directory: Path, runs: Sequence["Run"], results: Mapping[str, "Record"]) -> None:
    """Write report.json, report.md and report.png, each whole or not at all."""
    from dspy_programs.atomic_file import write_atomically
    from dspy_programs.registry import versions
    from optimizers.comparison import Wanted, as_json, as_markdown, plot, report_of

    first = runs[0].training
    about = {
        "models": {"task": first.task_lm.model, "reflection": first.reflection_lm.model},
        "versions": versions(),
        "seeds": len({each.training.seed for each in runs}),
    }
    sizes = {
        each.program: {"metric_calls": each.metric_calls} | {split: len(rows) for split, rows in each.training.rows.items()}
        for each in runs
    }
    wanted = [Wanted(each.program, each.optimizer, each.training.seed, results.get(each.key)) for each in runs]
    report = report_of(wanted, sizes, about)
    write_atomically(directory / "report.json", json.dumps(as_json(report), indent=1) + "\n")
    write_atomically(directory / "report.md", as_markdown(report))
    write_atomically(directory / "report.png", plot(report))


def say(text: str) -> None:
    print(text, flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())
