"""python -m optimizers.learning_curve --module planner: how much do a few rows of your own domain help?

Rows from another source (transfer_val) stand in for your own domain: the program is scored on each of them and shows others as
demonstrations, never the row itself. Up to 16 rows: a few spread over the kinds of cases, the same in every call; with more:
the nearest to each call. Nothing is searched: the curve shows what rows alone achieve.
"""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dspy_programs.cli import ApiBaseOption, ApiKeyOption, LmOption, new_app, run
from optimizers.cli import ModuleOption, ThreadsOption

if TYPE_CHECKING:
    import dspy

    from optimizers.recipes import Recipe
    from optimizers.scoring import Interval
    from optimizers.search import Demonstration

SIZES = (0, 10, 30, 100, 200)

app = new_app("Measure how much a program gains from rows of your own domain, with and without the shipped demonstrations.")


@dataclass(frozen=True)
class Point:
    """One point of the curve: how many own rows the demonstrations come from, whether shipped ones are added, and the score."""

    own: int
    shipped: bool
    score: "Interval"
    lift: "Interval"


@app.command()
def learning_curve(
    module: ModuleOption,
    lm: LmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    rows: Annotated[int, typer.Option(min=2, help="How many rows to score.")] = 16,
    threads: ThreadsOption = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed for drawing own rows.")] = 0,
    json_out: Annotated[Path | None, typer.Option("--json", help="Also write the curve to this file.")] = None,
) -> None:
    """Print the score with 0, 10, 30, 100 and 200 own rows, as far as there are enough; run it again to resume."""
    from dspy_programs.atomic_file import write_atomically
    from dspy_programs.lm import connect, is_embedded
    from optimizers.recipes import recipe

    model = connect(lm, api_base=api_base, api_key=api_key)
    print(f"{module} on {model.model}: at most {rows} rows of transfer_val, scored with other rows of that file as your own")
    if missing := [str(size) for size in SIZES if size >= (count := _rows_there(module))]:
        print(f"that file has {count} rows, so {' and '.join(missing)} own rows cannot be measured")
    points = []
    for point in curve(recipe(module), model, rows, seed, threads or (1 if is_embedded(model) else 8)):
        shown = " and the shipped" if point.shipped else ""
        print(f"{point.own:4} own rows{shown:16} {point.score}  against none {point.lift}", flush=True)
        points.append(asdict(point))
    if json_out:
        write_atomically(json_out, json.dumps({"program": module, "lm": model.model, "points": points}, indent=1) + "\n")


def _rows_there(module: str) -> int:
    from dspy_programs.tables import rows_in
    from optimizers.data import data_directory

    return sum(1 for _ in rows_in(data_directory(module) / "transfer_val.jsonl"))


def curve(recipe: "Recipe", model: "dspy.LM", count: int, seed: int, threads: int) -> Iterator[Point]:
    """Yield the points, the uncompiled program first. Answers are kept in a journal, so nothing is asked twice."""
    from dspy_programs.lm import prepare
    from dspy_programs.registry import file_name, folder_name
    from optimizers.calls import Journal, Meter, Progress, noise_to, recorded
    from optimizers.data import data_directory, evenly, read_split
    from optimizers.scoring import Runner, bootstrap
    from optimizers.training import RunDirectory

    own = read_split(data_directory(recipe.name) / "transfer_val.jsonl", recipe.new_program, recipe.labels)
    tested = evenly(own, recipe.kind)[:count]
    directory = RunDirectory(Path("runs") / "learning_curve" / folder_name(recipe.name) / file_name(model.model))
    with contextlib.closing(directory), contextlib.closing(Journal(directory.journal)) as journal:
        prepare(model)
        meter = Meter()
        runner = Runner(recorded(model, "task", journal, meter), meter, threads)
        plain: list[float] = []
        for size, shipped, program_for in programs(recipe, own, model.model, seed):
            progress = Progress(meter, meter.metric_calls + len(tested))
            progress.phase = f"{size} own rows{' and the shipped' if shipped else ''}"
            with noise_to(directory.log), progress.live():
                scores = [run.score.value for run in runner.run(program_for, tested, recipe.scorer)]
            plain = plain or scores
            differences = [a - b for a, b in zip(scores, plain, strict=True)]
            yield Point(size, shipped, bootstrap(scores), bootstrap(differences))


def programs(
    recipe: "Recipe", own: Sequence["dspy.Example"], spec: str, seed: int
) -> "Iterator[tuple[int, bool, Callable[[dspy.Example], dspy.Module]]]":
    """Yield (own rows, whether the shipped demonstrations are shown too, a function from a row to its program)."""
    from dspy_programs.registry import in_use, read_compiled

    file = in_use(recipe.name, spec)
    shipped = {name: state.demos for name, state in read_compiled(file).predictors.items()} if file else {}
    for size in (size for size in SIZES if size < len(own)):
        yield size, False, partial(_shown_own, recipe, own, size, seed, {})
        if any(shipped.values()):
            yield size, True, partial(_shown_own, recipe, own, size, seed, shipped)


def _shown_own(
    recipe: "Recipe",
    own: Sequence["dspy.Example"],
    size: int,
    seed: int,
    shipped: "Mapping[str, Sequence[Demonstration]]",
    row: "dspy.Example",
) -> "dspy.Module":
    """Build the program that shows `size` other rows and the shipped demonstrations: the start of a training run."""
    from dspy_programs.predict import ALL_SHOWN
    from optimizers.search import NEAREST, DemonstrationStore, Job, choose, showing, uncompiled

    program = recipe.new_program()
    rows = choose([each for each in own if each is not row], recipe.demonstrator, recipe.kind, size, seed)
    if len(rows) + max(map(len, shipped.values()), default=0) <= ALL_SHOWN:
        rows = rows[: recipe.demonstrations]
    shown = {
        name: [*(recipe.demonstrator(each)[name] for each in rows), *shipped.get(name, ())]
        for name, _ in program.named_predictors()
    }
    store = DemonstrationStore([], recipe.demonstrator, recipe.demonstrations, {NEAREST: shown})
    texts = uncompiled(program)
    job = Job(program, recipe.scorer, [], [], store, recipe.kind, [])
    return job.build(showing(texts, NEAREST) if any(shown.values()) else texts)


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())
