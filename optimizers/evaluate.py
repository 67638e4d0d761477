"""python -m optimizers.evaluate --module planner: score the seed and the compiled program on unseen rows."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from optimizers.cli import new_app, run

app = new_app("Score a program as it was written and as it was compiled, on the same test rows.")


@app.command()
def evaluate(
    module: Annotated[str, typer.Option(help="Which program: planner.")],
    lm: Annotated[str | None, typer.Option(envvar="DSPY_PROGRAMS_LM", help="The model: provider/name.")] = None,
    api_base: Annotated[
        str | None, typer.Option(envvar="DSPY_PROGRAMS_API_BASE", help="URL of an OpenAI-compatible server.")
    ] = None,
    api_key: Annotated[str | None, typer.Option(envvar="DSPY_PROGRAMS_API_KEY", help="Its key.")] = None,
    compiled: Annotated[Path | None, typer.Option(help="A compiled JSON. Default: the one `load` would take.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder with a test.jsonl of your own.")] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="Use the first so many test rows. Default: all.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Rows at once.")] = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="Also write every row's scores to this file.")] = None,
) -> None:
    """Print mean scores with 95 % intervals, the paired difference, and every component."""
    from dspy_programs import compiled_store, load
    from dspy_programs.errors import CompiledMissing
    from dspy_programs.lm import connect, prepare
    from optimizers.data import data_directory, read_split
    from optimizers.journal import Journal
    from optimizers.meter import Meter
    from optimizers.progress import Progress, noise_to
    from optimizers.recipes import recipe as recipe_of
    from optimizers.recorded import recorded
    from optimizers.scoring import bootstrap, score_rows
    from optimizers.training import mean_components

    recipe = recipe_of(module)
    examples = read_split((data or data_directory(module)) / "test.jsonl", recipe.program, recipe.labels)[:rows]
    model = connect(lm, api_base=api_base, api_key=api_key)
    variants = {"seed": recipe.program()}
    try:
        variants["compiled"] = load(module, model.model, path=compiled, strict=True)
    except CompiledMissing as missing:
        print(missing)
    prepare(model)
    meter = Meter()
    progress = Progress(meter, len(variants) * len(examples))
    task = recorded(model, "task", Journal(), meter)
    threads = threads or (1 if model.model.startswith("local/") else 8)
    scores = {}
    with noise_to(Path(os.devnull)), progress.shown():
        for progress.phase, program in variants.items():
            scores[progress.phase] = score_rows(program, examples, recipe.metric, task, meter, threads)
    values = {name: [score.value for score in each] for name, each in scores.items()}
    for name, each in scores.items():
        parts = ", ".join(f"{part} {value:.3f}" for part, value in mean_components(each).items())
        print(f"{name:10} {bootstrap(values[name])}  {parts}")
    if "compiled" in values:
        difference = bootstrap([b - a for a, b in zip(values["seed"], values["compiled"], strict=True)])
        print(f"difference {difference}: {'within' if difference.is_noise else 'beyond'} noise, {len(examples)} rows")
    if json_out:
        per_row = {name: [score._asdict() for score in each] for name, each in scores.items()}
        report = {"rows": [example.id for example in examples], "scores": per_row, "used": asdict(meter.roles["task"])}
        compiled_store.write_atomically(json_out, json.dumps(report, indent=1) + "\n")


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())
