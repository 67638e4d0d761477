"""python -m optimizers.scaling: how many workers are worth having, in simulation."""

import time
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Annotated

import typer

from dspy_programs.cli import new_app, run
from optimizers.gate import table

if TYPE_CHECKING:
    from optimizers.measures.scaling import Run

app = new_app("Show how many calls a second 1 to 64 workers make, and where more stop helping, in simulation.")
HEAD = ("work", "workers", "calls/s", "speed-up", "efficiency", "refused", "gave up")
WORTH = 1.2  # times as fast for twice the workers
_SAYS = {
    "evaluate": "all rows at once",
    "online": "as many rows as workers, two programs in turn",
    "train": "a few rows, then a decision",
}


@app.command()
def scaling(
    rows: Annotated[int, typer.Option(min=8, help="Rows evaluated; online gets half, train an eighth.")] = 512,
    median: Annotated[float, typer.Option(min=0.001, help="Median latency of a call, in seconds.")] = 1.0,
    spread: Annotated[float, typer.Option(min=0, max=3, help="Standard deviation of the logarithm of the latency.")] = 0.5,
    stragglers: Annotated[float, typer.Option(min=0, max=1, help="Share of calls that take eight times as long.")] = 0.03,
    rate: Annotated[float, typer.Option(min=0, help="Calls a second that the server takes; 0 for no limit.")] = 20.0,
    driver_ms: Annotated[float, typer.Option(min=0, help="What a call costs the process that drives the run.")] = 5.0,
    ray_ms: Annotated[float, typer.Option(min=0, help="What Ray adds to a call, on its way there and back.")] = 7.0,
    each: Annotated[int, typer.Option(min=1, max=16, help="Calls under way on one worker.")] = 1,
) -> None:
    """Print calls a second for evaluate, a round of online, and a search of train.

    The scheduling is the real one; time, latencies and the rate limit are simulated. efficiency: calls a second, as a share of
    those of one worker times the number of workers. refused: the server's answers "too many requests"; gave up: calls refused
    at every try, each of which would stop a run.
    """
    from optimizers.measures.scaling import World, simulated

    world = World(median, spread, stragglers, rate=rate or None, driver=driver_ms / 1000, ray=ray_ms / 1000, each=each)
    start = time.process_time()
    runs = list(simulated(world, rows))
    spent = (time.process_time() - start) / sum(each.rows for each in runs)
    for line in table([HEAD, *cells(runs)]):
        print(line)
    for shape, of_shape in groupby(runs, key=lambda each: each.shape):
        print(f"{shape}: {_SAYS[shape]}; {stops_at(list(of_shape))}")
    print(f"measured here: {1000 * spent:.1f} ms of a core for each call, by DSPy, the journal and the runner")


def cells(runs: Sequence["Run"]) -> Iterator[tuple[str, ...]]:
    for _, of_shape in groupby(runs, key=lambda each: each.shape):
        for each in (found := list(of_shape)):
            times = each.rate / found[0].rate
            share = f"{times * found[0].workers / each.workers:.0%}"
            counts = (str(count or "") for count in (each.refused, each.gave_up))
            yield each.shape, str(each.workers), f"{each.rate:.1f}", f"{times:.1f}", share, *counts


def stops_at(runs: Sequence["Run"]) -> str:
    """Say from which number of workers on twice as many are hardly faster."""
    for one, other in pairwise(runs):
        if other.rate < WORTH * one.rate:
            return f"more than {one.workers} workers hardly help ({other.workers}: {other.rate / one.rate:.2f} times as fast)"
    return f"{runs[-1].workers} workers still help"


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())
