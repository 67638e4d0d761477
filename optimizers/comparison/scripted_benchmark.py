"""This search against stock `dspy.GEPA` where the best answer is known: scripted models, no network, no weights.

Output     for each cell, a world (scripted.py) at a budget of metric calls: the mean test score of each, the paired
           difference with its 95 % bootstrap interval over the seeds, how many seeds were won, tied and lost, and the rows
           really used.
Guarantees the same seed gives the same figures; a run that is in the journal is not run again.
           As in GEPA, stock finishes the pass under way when the budget ends: it may use a validation pass more.
"""

import contextlib
import io
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from dspy_programs.atomic_file import write_atomically
from dspy_programs.registry import versions
from optimizers.calls import Journal, Meter, Record, clock, noise_to, recorded
from optimizers.comparison import baselines, scripted
from optimizers.comparison.baselines import Search, optimize
from optimizers.comparison.benchmarking import claimed, digest_of_code, finished, interruptible
from optimizers.comparison.scripted import (
    BOTH,
    FEW,
    LONG,
    PERFECT,
    RARE,
    SHOWN,
    SOME,
    WIDE,
    World,
    recipe_of,
    reflector,
    rows_of,
    scripted_lm,
    sort_parcel,
)
from optimizers.plotting import COLOURS, MARKERS, require_matplotlib
from optimizers.scoring import Interval, Runner, bootstrap, bootstrap_of_means, scores as scoring
from optimizers.search import adapter, bandit, candidate, demonstrations, row_budget
from optimizers.training import RESULTS, code_in, digest, job_of

OURS, STOCK = "ours", "dspy.GEPA"
SEEDS, SEEDS_OF_SMALLEST = 8, 4
TEST, TEST_OF_SMALLEST = 200, 60  # rows
_SAME = 1e-9  # scores nearer than this are tied
_SECONDS_BETWEEN_LINES = 15.0


@dataclass(frozen=True)
class Cell:
    world: World
    metric_calls: int

    def __str__(self) -> str:
        return f"{self.world.name}, {self.metric_calls}"


_BUDGETS: Mapping[World, Sequence[int]] = {
    PERFECT: (40, 80, 150, 300),
    SOME: (40, 80, 150),
    FEW: (300, 600, 1200),
    LONG: (150, 300),
    WIDE: (150, 300),
    RARE: (150, 300, 600),
    SHOWN: (80, 150),
    BOTH: (150, 300),
}
CELLS = [Cell(world, calls) for world, budgets in _BUDGETS.items() for calls in budgets]
SMALLEST = [Cell(PERFECT, 40), Cell(SOME, 80), Cell(LONG, 80), Cell(WIDE, 80), Cell(RARE, 150), Cell(SHOWN, 40), Cell(BOTH, 80)]


# The runs --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """One optimizer in one cell with one seed; test: rows that the result is scored on."""

    cell: Cell
    optimizer: str
    seed: int
    test: int

    @cached_property
    def key(self) -> str:
        return digest([asdict(self), versions(), _code_of(self.optimizer)])

    @property
    def rows(self) -> int:
        """How many rows it will run, at most about."""
        return self.cell.metric_calls + self.test


@cache
def _code_of(optimizer: str) -> str:
    """Name the code that decides an optimizer's figures, as it was when this process began; stock asks none of our search."""
    files = [scripted, baselines, candidate, demonstrations, scoring]
    of_search = [digest_of_code(), *map(code_in, (adapter, row_budget, bandit))] if optimizer == OURS else []
    return digest([*of_search, *map(code_in, files)])


def runs_of(cells: Sequence[Cell], seeds: int, test: int) -> list[Run]:
    return [Run(cell, name, seed, test) for cell in cells for seed in range(seeds) for name in (OURS, STOCK)]


def run_one(run: Run, place: Path) -> Record:
    """Search and score what was found. Raises RunInterrupted on a signal."""
    world, meter, journal = run.cell.world, Meter(), Journal()
    rows = rows_of(world, run.seed, run.test)
    task, reflection = scripted_lm("task", sort_parcel), scripted_lm("reflection", reflector(world))
    models = recorded(task, "task", journal, meter), recorded(reflection, "reflection", journal, meter)
    job = job_of(recipe_of(world), rows, run.seed, reasoning=True)
    with interruptible(meter, place), noise_to(Path(os.devnull)):
        found = optimize(run.optimizer, Search(job, *models, run.cell.metric_calls, meter, run.seed))
        used, proposals = meter.metric_calls, meter.roles["reflection"].calls
        assert found.program is not None, found.failure
        scores = Runner(task, meter).scores(found.program, rows["test"], job.metric)
    test = sum(score.value for score in scores) / len(scores)
    return {"key": run.key, **asdict(run), "score": test, "used": used, "reflections": proposals}


def run_all(runs: Sequence[Run], place: Path, say: Callable[[str], None], fresh: bool = False) -> dict[str, Record]:
    """Run what is not in the folder's journal yet; return the records of all by their keys."""
    with claimed(place, fresh=fresh) as directory:
        results = finished(directory)
        missing = [run for run in runs if run.key not in results]
        if len(missing) < len(runs):
            say(f"{len(runs) - len(missing)} of {len(runs)} runs are in {place} already")
        eta = _Eta(sum(run.rows for run in missing), say)
        for run in missing:
            record = run_one(run, place)
            with contextlib.closing(Journal(place / RESULTS)) as journal:
                journal.append(record)
            results[run.key] = record
            eta.tell(run)
    return {run.key: results[run.key] for run in runs}


@dataclass
class _Eta:
    """Tells every now and then where a long list of runs is, and by the pace so far how long it will take."""

    rows: int
    say: Callable[[str], None]
    done: int = 0
    start: float = field(default_factory=time.monotonic)
    told: float = field(default_factory=time.monotonic)

    def tell(self, run: Run) -> None:
        self.done += run.rows
        now = time.monotonic()
        if now - self.told >= _SECONDS_BETWEEN_LINES or self.done == self.rows:
            self.told = now
            left = (now - self.start) * (self.rows - self.done) / self.done
            self.say(f"{self.done / self.rows:.0%} done ({run.cell}, seed {run.seed}), about {clock(left)} left")


# The report ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Compared:
    """The figures of a cell. ours, stock: test scores, seed by seed; used: rows that each searched with, on average."""

    cell: Cell
    ours: tuple[float, ...]
    stock: tuple[float, ...]
    used: Mapping[str, float]

    @property
    def differences(self) -> list[float]:
        return [a - b for a, b in zip(self.ours, self.stock, strict=True)]

    @property
    def difference(self) -> Interval:
        return bootstrap(self.differences)

    @property
    def count(self) -> tuple[int, int, int]:
        """Seeds won, tied and lost."""
        won, lost = (sum(sign * each > _SAME for each in self.differences) for sign in (1, -1))
        return won, len(self.differences) - won - lost, lost

    @property
    def behind(self) -> bool:
        """Whether ours is behind by more than noise."""
        return self.difference.high < 0


@dataclass(frozen=True)
class Comparison:
    """All cells, and what they say together."""

    cells: tuple[Compared, ...]

    @property
    def means(self) -> tuple[float, float]:
        ours, stock = (
            [sum(scores) / len(scores) for scores in each] for each in zip(*map(_scores_of, self.cells), strict=True)
        )
        return sum(ours) / len(ours), sum(stock) / len(stock)

    @property
    def difference(self) -> Interval:
        return bootstrap_of_means([each.differences for each in self.cells])

    @property
    def behind(self) -> list[str]:
        return [str(each.cell) for each in self.cells if each.behind]

    @property
    def holds(self) -> bool:
        return not self.behind and self.difference.mean > 0

    @property
    def verdict(self) -> str:
        mean = self.difference
        where = f"behind beyond noise in: {'; '.join(self.behind)}" if self.behind else "behind beyond noise in no cell"
        ahead = "ahead" if mean.low > 0 else "behind" if mean.high < 0 else "level within noise"
        return f"in the mean {ahead}, {where}"


def _scores_of(cell: Compared) -> tuple[Sequence[float], Sequence[float]]:
    return cell.ours, cell.stock


def compared(runs: Sequence[Run], results: Mapping[str, Record]) -> Comparison:
    cells = []
    for cell in dict.fromkeys(run.cell for run in runs):
        here = [run for run in runs if run.cell == cell]
        found = {name: [results[run.key] for run in here if run.optimizer == name] for name in (OURS, STOCK)}
        ours, stock = (tuple(record["score"] for record in found[name]) for name in (OURS, STOCK))
        used = {name: sum(record["used"] for record in records) / len(records) for name, records in found.items()}
        cells.append(Compared(cell, ours, stock, used))
    return Comparison(tuple(cells))


def as_table(comparison: Comparison) -> str:
    """Write a line for each cell; the last line is the mean over the cells and the verdict."""
    head = f"{'world':26} {'calls':>5}  {'ours':>5}  {'stock':>5}  {'difference, 95 % interval':25}  won tied lost  rows used"
    lines = [head]
    for each in comparison.cells:
        ours, stock = (sum(scores) / len(scores) for scores in _scores_of(each))
        won, tied, lost = each.count
        mark = "  behind" if each.behind else ""
        lines.append(
            f"{each.cell.world.name:26} {each.cell.metric_calls:5}  {ours:.3f}  {stock:.3f}  {_signed(each.difference):25}  "
            f"{won:3} {tied:4} {lost:4}  {each.used[OURS]:.0f} / {each.used[STOCK]:.0f}{mark}"
        )
    ours, stock = comparison.means
    lines.append(f"{'mean':32}  {ours:.3f}  {stock:.3f}  {_signed(comparison.difference):25}  {comparison.verdict}")
    return "\n".join(lines)


def _signed(interval: Interval) -> str:
    return f"{interval.mean:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]"


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Give every figure as plain values."""
    cells = [
        {
            "world": asdict(each.cell.world),
            "metric_calls": each.cell.metric_calls,
            "ours": list(each.ours),
            "stock": list(each.stock),
            "difference": asdict(each.difference),
            **dict(zip(("won", "tied", "lost"), each.count, strict=True)),
            "used": dict(each.used),
            "behind": each.behind,
        }
        for each in comparison.cells
    ]
    ours, stock = comparison.means
    mean = {"ours": ours, "stock": stock, "difference": asdict(comparison.difference)}
    return {"cells": cells, "mean": mean, "holds": comparison.holds, "verdict": comparison.verdict, "versions": versions()}


def plot(comparison: Comparison) -> bytes:
    """Draw test score against metric calls as a PNG, a panel for each world. Raises MissingExtra without matplotlib."""
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    worlds = list(dict.fromkeys(each.cell.world for each in comparison.cells))
    columns = min(4, len(worlds))
    figure = Figure(figsize=(3.4 * columns, 1 + 2.8 * -(-len(worlds) // columns)), layout="constrained")
    FigureCanvasAgg(figure)
    for number, world in enumerate(worlds, 1):
        axes = figure.add_subplot(-(-len(worlds) // columns), columns, number)
        draw(axes, [each for each in comparison.cells if each.cell.world == world])
        axes.set_title(world.name, fontsize=9)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=120)
    return png.getvalue()


def draw(axes: Any, cells: Sequence[Compared]) -> None:
    calls = [each.cell.metric_calls for each in cells]
    for place, name in enumerate((OURS, STOCK)):
        found = [bootstrap(_scores_of(each)[place]) for each in cells]
        errors = [[each.mean - each.low for each in found], [each.high - each.mean for each in found]]
        style = {"color": COLOURS[place + 1], "marker": MARKERS[place + 1], "capsize": 2}
        axes.errorbar(calls, [each.mean for each in found], errors, label=name, **style)
    axes.set_ylim(0, 1)
    axes.set_xlabel("metric calls", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)


# The command -----------------------------------------------------------------------------------------------------------


def compare(place: Path, seeds: int | None, smallest: bool, fresh: bool, say: Callable[[str], None]) -> Comparison:
    """Run all cells, or the smallest version; write report.json, report.txt and, with matplotlib, report.png."""
    cells, test = (SMALLEST, TEST_OF_SMALLEST) if smallest else (CELLS, TEST)
    runs = runs_of(cells, seeds or (SEEDS_OF_SMALLEST if smallest else SEEDS), test)
    comparison = compared(runs, run_all(runs, place, say, fresh))
    write_atomically(place / "report.json", json.dumps(as_json(comparison), indent=1) + "\n")
    write_atomically(place / "report.txt", as_table(comparison) + "\n")
    with contextlib.suppress(ImportError):
        import matplotlib  # noqa: F401

        write_atomically(place / "report.png", plot(comparison))
    return comparison
