"""python -m optimizers.show planner: what compiling changed, and how it got there."""

import difflib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from dspy_programs.cli import new_app, run
from dspy_programs.text import printable

_A_FEW = 3  # demonstrations
LONGEST = 300  # characters of each

app = new_app("Show a compiled program or a run: instructions before and after, demonstrations, candidates, scores.")


@app.command()
def show(
    what: Annotated[str, typer.Argument(help="A program's name, a compiled JSON, or a run folder.")],
    lm: Annotated[str | None, typer.Option(envvar="DSPY_PROGRAMS_LM", help="With a program's name: its model.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Show every demonstration in full.")] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write a page of a run folder of train, online or improve: candidates, front, costs.")
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve that page on this machine, to watch the run at work. Ctrl-C ends it.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="For --serve; 0: any that is free.")] = 8780,
    mlflow: Annotated[
        bool, typer.Option("--mlflow", help="Log a run folder of train to MLflow: to MLFLOW_TRACKING_URI, else ./mlflow.db.")
    ] = False,
) -> None:
    """Print what changed from the uncompiled program, the demonstrations and the lineage of candidates."""
    if html or serve:
        _show_page(Path(what), html, port if serve else None)
        return
    if mlflow:
        from dspy_programs.lm.weights import without_credentials
        from optimizers.watching import log_to_mlflow, mlflow_address

        print(f"MLflow run {log_to_mlflow(Path(what))} in {without_credentials(mlflow_address())}")
        if "//" in mlflow_address() and not mlflow_address().startswith("http"):
            print(f"to look at it: mlflow ui --backend-store-uri {without_credentials(mlflow_address())}", file=sys.stderr)
        return
    if (Path(what) / "run.json").is_file():
        for line in _run_lines(Path(what)):
            print(printable(line))
        return
    from dspy_programs.errors import UsageError
    from dspy_programs.lm import spec_in_use
    from dspy_programs.registry import compiled_paths, read_compiled

    path = Path(what)
    if path.suffix != ".json":
        files = compiled_paths(what, spec_in_use(lm))
        path = next((file for file in files if file.is_file()), files[0])
    if not path.is_file():
        path = Path(what) if "/" in what else path  # a run or a file that is not there, and not a program's name
        raise UsageError(f"{path} does not exist; name a program compiled for this model, a compiled JSON or a run folder")
    compiled = read_compiled(path)
    saved = compiled.provenance
    print(f"{saved.program} for {saved.lm}: kept {saved.kept}  ({path})")
    demos = {name: state.demos for name, state in compiled.predictors.items()}
    try:
        made = [*_lineage_lines(saved.lineage, saved.training.get("winner")), *test_lines(saved.scores.get("test", {}))]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        made = ["lineage and scores: not in the format that `train` writes"]
    for line in [*made, *_demo_lines(demos, full)]:
        print(printable(line))


def _show_page(folder: Path, html: Path | None, port: int | None) -> None:
    from dspy_programs.atomic_file import write_atomically
    from dspy_programs.errors import UsageError
    from optimizers.watching import page_of_run, serve

    if not folder.is_dir():
        raise UsageError(f"{folder}: --html and --serve need the folder of a run")
    if html:
        write_atomically(html, page_of_run(folder))
        print(html)
    if port is not None:
        serve(folder, port, lambda address: print(f"{address} shows {folder}; Ctrl-C ends it", flush=True))


def _run_lines(directory: Path) -> Iterator[str]:
    """Describe a run, finished or not."""
    from dspy_programs.errors import UsageError
    from optimizers.training import REPORT

    file = directory / "candidates.json"
    if not file.is_file():
        raise UsageError(f"{directory}: nothing to show yet: the uncompiled program has not been scored")
    file_of_report = directory / REPORT
    report = json.loads(file_of_report.read_text(encoding="utf-8")) if file_of_report.is_file() else {}
    yield from _lineage_lines(json.loads(file.read_text(encoding="utf-8")), report.get("winner"))
    if report:
        yield from test_lines(report["test"])
    else:
        yield "the run is unfinished: run the command that started it again to resume"


def _lineage_lines(lineage: Sequence[Mapping[str, Any]], winner: int | None = None) -> Iterator[str]:
    """Yield each candidate's score and parent, then what the winner changed in the uncompiled program."""
    from optimizers.promotion import shown_line  # imports DSPy

    shown = [shown_line(candidate) for candidate in lineage]
    width = max(map(len, ["shows", *shown]))
    yield f"candidate  parent  validation  rows  {'shows':{width}}  found after"
    for candidate, shows in zip(lineage, shown, strict=True):
        parents = ",".join(map(str, candidate["parents"])) or "-"
        fell = f"  {candidate['fell_out']}" if candidate.get("fell_out") else ""
        mark = "  <- kept" if candidate["index"] == winner else fell
        yield (
            f"{candidate['index']:9}  {parents:>6}  {candidate['score']:10.3f}  {len(candidate['scores']):4}  "
            f"{shows:{width}}  {candidate['metric_calls']} metric calls  {candidate['start']}{mark}"
        )
    kept = next((each for each in lineage if each["index"] == winner), lineage[0])
    for name, before in lineage[0]["instructions"].items():
        yield from difference(name, before, kept["instructions"][name])


def difference(name: str, before: str, after: str) -> Iterator[str]:
    yield f"\ninstruction of {name!r}:"
    if before == after:
        yield f"  unchanged: {before}"
        return
    old, new = (text.replace(". ", ".\n").splitlines() for text in (before, after))
    yield from difflib.unified_diff(old, new, "uncompiled", "compiled", lineterm="")


def test_lines(test: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    yield "\ntest (mean and 95 % interval):" if test else "\ntest: not run"
    for name, interval in test.items():
        yield f"  {name:10} {interval['mean']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]  {interval['rows']} rows"


def _demo_lines(demos: Mapping[str, Sequence[Mapping[str, Any]]], full: bool = False) -> Iterator[str]:
    """Yield a program's demonstrations: the start of a few, or all in full."""
    from dspy_programs.predict import ALL_SHOWN, NEAREST  # imports DSPy
    from dspy_programs.text import shortened

    for name, each in demos.items():
        nearest = f", each call shows the {NEAREST} nearest" if len(each) > ALL_SHOWN else ""
        yield f"\ndemonstrations of {name!r}: {len(each) or 'none'}{nearest}"
        for demo in each if full else each[:_A_FEW]:
            text = json.dumps(demo, ensure_ascii=False)
            yield "  " + (text if full or len(text) <= LONGEST else f"{shortened(text, LONGEST)} ...")
        if each and not full:
            yield f"  {f'and {len(each) - _A_FEW} more; ' if len(each) > _A_FEW else ''}--full shows them in full"


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())
