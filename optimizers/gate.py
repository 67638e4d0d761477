"""python -m optimizers.gate: how often the gate promotes what is no better, and finds what is, in simulation."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from dspy_programs.cli import GATE_CLOSED, new_app, run

if TYPE_CHECKING:
    from optimizers.promotion.gate_simulation import Outcome

app = new_app("Show how often the gate of `optimizers.online` errs, on simulated streams of rows whose truth is known.")
HEAD = ("case", "promoted", "wanted", "refused early", "rows until promoted", "peeking promotes", "proposals promote")


@app.command()
def gate(
    streams: Annotated[int, typer.Option(min=20, help="Streams per case.")] = 1000,
    rows: Annotated[int, typer.Option(min=20, help="Held-back rows per stream.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
) -> None:
    """Print, case by case, what the gate does; exit with 1 if a share is out of its bounds.

    peeking: a test for a fixed number of rows, looked at after each row; proposals: whoever is better on the 30 rows that
    the challenger was proposed from.
    """
    from optimizers.promotion.gate_simulation import simulated

    outcomes = list(simulated(streams, rows, seed))
    for line in table([HEAD, *map(cells, outcomes)]):
        print(line)
    if missed := [each.name for each in outcomes if not each.holds]:
        print(f"not as wanted: {'; '.join(missed)}")
        raise typer.Exit(GATE_CLOSED)


def cells(outcome: "Outcome") -> tuple[str, ...]:
    until = "" if outcome.rows is None else str(outcome.rows)
    shares = (f"{share:.1%}" for share in (outcome.by_peeking, outcome.by_proposals))
    return outcome.name, f"{outcome.promoted:.1%}", outcome.wants, f"{outcome.refused:.1%}", until, *shares


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())
