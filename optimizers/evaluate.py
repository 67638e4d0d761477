"""python -m optimizers.evaluate --module planner: score rules, uncompiled and compiled program on unseen rows."""

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dspy_programs.cli import ApiBaseOption, ApiKeyOption, LmOption, new_app, run
from dspy_programs.cluster import AddressOption, Cluster, EngineOption, WorkersOption, cluster_named
from optimizers.cli import ALL, MetricOption, ModuleOption, ThreadsOption, UnseenDataOption

if TYPE_CHECKING:
    import dspy

    from dspy_programs.registry import Compiled
    from optimizers.measures import Evaluation
    from optimizers.recipes import Recipe

SHOWN = {"twin": "rules", "seed": "uncompiled", "compiled": "compiled"}  # a variant as the tables name it

app = new_app("Score a program on the same test rows by rules without a model, uncompiled and compiled.")


@app.command()
def evaluate(
    module: ModuleOption,
    metric: MetricOption = None,
    lm: LmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    compiled: Annotated[Path | None, typer.Option(help="A compiled JSON. Default: the one `load` would use.")] = None,
    data: UnseenDataOption = None,
    split: Annotated[
        Literal["test", "transfer_val", "transfer_test"],
        typer.Option(
            help="Which rows: test, or rows from another source to choose by (transfer_val) or to report (transfer_test)."
        ),
    ] = "test",
    rows: Annotated[int | None, typer.Option(min=1, help="Use only the first N test rows. Default: the recipe's.")] = None,
    threads: ThreadsOption = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Ask the model everything again. Default: replay answers already paid for.")
    ] = False,
    json_out: Annotated[Path | None, typer.Option("--json", help="Also write every row's scores to this file.")] = None,
    engine: EngineOption = "here",
    address: AddressOption = None,
    workers: WorkersOption = None,
) -> None:
    """Print mean scores with 95 % intervals and the paired difference; for a single program, also components and groups."""
    print(f"{module}: reading programs and data", flush=True)
    from dspy_programs.atomic_file import write_atomically
    from dspy_programs.errors import UsageError
    from dspy_programs.lm import connect, is_embedded
    from optimizers.recipes import recipes

    wanted = recipes(module, metric)
    if module == ALL and (compiled or data):
        raise UsageError("--compiled and --data apply to one program; omit them with --module all")
    cluster = cluster_named(engine, address, workers)
    model = connect(lm, api_base=api_base, api_key=api_key)
    threads = threads or (cluster or Cluster(1)).threads(is_embedded(model))
    done = _evaluate_all(wanted, model, compiled, (data, split), rows, threads, fresh, cluster)
    for line in table(done) if module == ALL else details(done[0]):
        print(line)
    if json_out:
        write_atomically(json_out, json.dumps({"lm": model.model, "programs": [as_json(e) for e in done]}, indent=1) + "\n")


def _evaluate_all(
    wanted: Sequence["Recipe"],
    model: "dspy.LM",
    compiled: Path | None,
    source: tuple[Path | None, str],
    rows: int | None,
    threads: int,
    fresh: bool,
    cluster: Cluster | None,
) -> list["Evaluation"]:
    """Read everything before the first call, then evaluate the programs one by one with one shared journal."""
    from dspy_programs.cluster import spread
    from dspy_programs.lm import prepare
    from dspy_programs.registry import file_name
    from optimizers.calls import Journal, Meter, Progress, noise_to, recorded
    from optimizers.measures import evaluate_program
    from optimizers.scoring import Runner
    from optimizers.training import RunDirectory, default_path, rows_to_test

    data, split = source
    found = {recipe.name: _compiled_program(recipe.name, model.model, compiled) for recipe in wanted}
    learnt = {name: _seed_of(each[1], data) if each else None for name, each in found.items()}
    examples = {
        recipe.name: rows_to_test(recipe, data, split, rows or recipe.test_rows, learnt[recipe.name]) for recipe in wanted
    }
    directory = RunDirectory(Path("runs") / "evaluate" / file_name(model.model), fresh=fresh)
    with contextlib.closing(directory), contextlib.closing(Journal(directory.journal)) as journal:
        if not fresh:
            for recipe in wanted:
                journal.read_also(default_path(recipe.name, model.model, data) / "calls.jsonl")
        expected = sum((2 + (found[name] is not None)) * len(each) for name, each in examples.items())
        with spread(model, cluster, threads) as asked:
            prepare(asked)
            meter = Meter()
            progress = Progress(meter, expected)
            runner = Runner(recorded(asked, "task", journal, meter), meter, threads)
            with noise_to(Path(os.devnull)), progress.live():
                done = [evaluate_program(each, examples[each.name], runner, found[each.name], progress) for each in wanted]
    if meter.replayed_calls:
        print(f"{meter.replayed_calls} of {meter.calls} answers replayed from an earlier run; --fresh asks again")
    return done


def _seed_of(compiled: "Compiled", data: Path | None) -> int | None:
    """Return the random seed that split these rows when the program was compiled on them; None if it was not."""
    training = compiled.provenance.training
    place = training.get("place")
    same = data is None or (place and Path(place).resolve() == data.resolve())
    return int(training.get("seed", 0)) if same else None


def _compiled_program(name: str, spec: str, path: Path | None) -> "tuple[dspy.Module, Compiled] | None":
    """Return (program, file) as `load` would use it; if there is none, print that and return None."""
    from dspy_programs import load
    from dspy_programs.errors import CompiledMissing
    from dspy_programs.registry import compiled_paths, read_compiled

    try:
        program = load(name, spec, path=path, strict=True)
    except CompiledMissing as missing:
        print(missing)
        return None
    file = path or next(file for file in compiled_paths(name, spec) if file.is_file())
    return program, read_compiled(file, name)


def details(evaluation: "Evaluation") -> Iterator[str]:
    """Yield every variant's mean and components, the difference, and each group's means."""
    from optimizers.scoring import mean_components

    for variant, scores in evaluation.scores.items():
        parts = ", ".join(f"{part} {value:.3f}" for part, value in mean_components(scores).items())
        yield f"{SHOWN[variant]:10} {evaluation.interval(variant)}  {parts}"
    if lift := evaluation.lift:
        yield f"difference {lift}: {'within' if lift.is_noise else 'beyond'} noise, {len(evaluation.rows)} rows"
    for field in evaluation.groups:
        yield f"\n| {field} | rows | {' | '.join(SHOWN[variant] for variant in evaluation.scores)} |"
        yield f"|---|---|{'---|' * len(evaluation.scores)}"
        for value, of in evaluation.members(field).items():
            means = " | ".join(f"{evaluation.interval(variant, of).mean:.3f}" for variant in evaluation.scores)
            yield f"| {value} | {len(of)} | {means} |"


def table(evaluations: Sequence["Evaluation"]) -> Iterator[str]:
    """Yield all programs as one Markdown table, and their mean. Metric calls and minutes are what compiling cost."""
    from optimizers.scoring import bootstrap_of_means

    yield "| program | rows | rules | uncompiled | compiled | lift (95 % paired bootstrap) | metric calls | minutes |"
    yield "|---|---|---|---|---|---|---|---|"
    for each in evaluations:
        compiled = each.interval("compiled") if each.lift else "not compiled"
        cost = [each.compiled_by.get("rollouts", "-"), each.compiled_by.get("minutes", "-")]
        cells = [each.program, len(each.rows), each.interval("twin"), each.interval("seed"), compiled, each.lift or "-", *cost]
        yield f"| {' | '.join(map(str, cells))} |"
    if differences := [each.differences for each in evaluations if each.differences]:
        yield f"Mean lift, {len(differences)} compiled: {bootstrap_of_means(differences)}"


def as_json(evaluation: "Evaluation") -> dict[str, Any]:
    variants = {
        variant: {"mean": asdict(evaluation.interval(variant)), "rows": [score._asdict() for score in scores]}
        for variant, scores in evaluation.scores.items()
    }
    return {
        "program": evaluation.program,
        "rows": [row.id for row in evaluation.rows],
        "variants": variants,
        "lift": asdict(evaluation.lift) if evaluation.lift else None,
        "groups": {field: evaluation.members(field) for field in evaluation.groups},
        "compiled_by": dict(evaluation.compiled_by),
    }


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())
