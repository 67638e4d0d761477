"""python -m optimizers.history --module planner: what was put into use, when, and what it scored."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dspy_programs.cli import LmOption, new_app, run
from optimizers.cli import ALL, ModuleOption

if TYPE_CHECKING:
    from optimizers.promotion import Entry

app = new_app("Show what was put into use for a program and a model: dates, scores, digests, and which one `load` uses.")
HEAD = ("in use", "put into use (UTC)", "digest", "validation", "test, 95 % interval", "kept", "")


@app.command()
def history(
    module: ModuleOption,
    lm: LmOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all details as JSON.")] = False,
) -> None:
    """Show what was put into use for a program and a model, newest first, shipped last; * marks what `load` uses.

    Scores are uncompiled -> compiled, each on the rows of its own run.
    """
    from dspy_programs.lm import spec_in_use
    from dspy_programs.registry import PROGRAMS
    from optimizers.promotion import promoting as promotion

    spec = spec_in_use(lm)
    found = {name: promotion.history(name, spec) for name in (sorted(PROGRAMS) if module == ALL else [module])}
    if as_json:
        print(json.dumps([as_row(entry) for each in found.values() for entry in each], indent=2, ensure_ascii=False))
        return
    for name, each in found.items():
        print(f"{name} for {spec}" + ("" if each else ": nothing is compiled, so the uncompiled program is in use"))
        for line in table(each):
            print(line)


def as_row(entry: "Entry") -> dict[str, Any]:
    return {**asdict(entry), "date": entry.date.isoformat() if entry.date else None, "path": str(entry.path)}


def table(entries: Sequence["Entry"]) -> Iterator[str]:
    rows = [HEAD, *(cells(entry) for entry in entries)] if entries else []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def cells(entry: "Entry") -> tuple[str, ...]:
    date = "shipped" if entry.date is None else f"{entry.date:%Y-%m-%d %H:%M:%S}"
    note = f"load refuses it: {entry.fault}" if entry.fault else "rolled back" if entry.set_aside else entry.status or ""
    mark = "*" if entry.in_use else ""
    return mark, date, entry.digest[:8], validation_of(entry), test_of(entry), entry.kept or "unknown", note


def validation_of(entry: "Entry") -> str:
    """Format both scores on the validation rows, and that of the program in use at the time."""
    score = entry.validation
    then = f" (in use then {score['in_use']:.3f})" if "in_use" in score else ""
    rows = f", {score['rows']:.0f} rows" if "rows" in score else ""
    return arrow(*(f"{score[name]:.3f}" if name in score else None for name in ("seed", "compiled"))) + then + rows


def test_of(entry: "Entry") -> str:
    """Format both scores on the test rows, each with its interval."""
    from optimizers.promotion import interval_line

    rows = next((f", {each['rows']:.0f} rows" for each in entry.test.values() if "rows" in each), "")
    return arrow(*(interval_line(entry.test[name]) if name in entry.test else None for name in ("seed", "compiled"))) + rows


def arrow(seed: str | None, compiled: str | None) -> str:
    return " -> ".join(filter(None, (seed, compiled))) or "unknown"


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())
