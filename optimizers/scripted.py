"""Our search against stock `dspy.GEPA` where what is to be found is known: scripted models, no network, no weights.

A parcel goes on a shelf and gets a label. Which shelf, a hidden rule for its mark says: the task model knows the rules that
stand in its instruction. Which label, it takes from what it is shown: surely from parcels with the same goods, now and then
from others. Whatever it knows, one parcel in ten it gets right by luck and one in ten it reads wrong.
The reflection model reads in the feedback which rules are missing, and writes one more of them into the instruction, or
nothing of use: so a proposal is never the same text again. It knows the form of DSPy's own proposer alone, which is all that
stock asks, so that what is compared is the search.

Output     for each cell, a world at a budget of metric calls: the mean test score of each, the paired difference with its
           95 % bootstrap interval over the seeds, how many seeds were won, tied and lost, and the rows really used.
Holds      the same seed gives the same figures; a run that is in the journal is not run again.
           As in GEPA, stock finishes the pass under way when the budget ends: it may use a validation pass more.
"""

import contextlib
import hashlib
import inspect
import io
import json
import math
import os
import random
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import dspy
from dspy import lm15

from dspy_programs.compiled_store import versions, write_atomically
from dspy_programs.few_shot import FewShot
from dspy_programs.reply import Failure, ask
from metrics.score import Component, Score, composite
from optimizers import adapter, allowance, bandit, baselines, candidate, demonstrations, scoring
from optimizers.baselines import Search, optimize
from optimizers.benchmark_report import COLOURS, MARKERS, require_matplotlib
from optimizers.benchmarking import RESULTS, claimed, digest_of_code, finished, interruptible
from optimizers.journal import Journal, Record
from optimizers.meter import Meter
from optimizers.progress import clock, noise_to
from optimizers.recipes import Recipe
from optimizers.recorded import recorded
from optimizers.run_directory import digest
from optimizers.scoring import Interval, bootstrap, bootstrap_of_means, score_rows
from optimizers.training import job_of

OURS, STOCK = "ours", "dspy.GEPA"
SEEDS, SEEDS_OF_SMALLEST = 8, 4
TRAIN, TEST, TEST_OF_SMALLEST = 100, 200, 60  # rows
LUCK = READ_WRONG = 0.1  # shares of parcels
OTHERS_HELP = 0.3  # share of parcels whose label is guessed from parcels with other goods
SAME = 1e-9  # scores nearer than this are tied
SECONDS_BETWEEN_LINES = 15.0

RULES = {"amber": "A7", "birch": "B2", "coral": "C9"}  # mark -> the name of its rule
PADDING = "Hold to it for every parcel of that kind, large or small, early or late. "
GOODS = (
    ("teapot", "saucer", "kettle"),
    ("violin", "bow", "rosin"),
    ("compass", "sextant", "chart"),
    ("tulip", "bulb", "trowel"),
    ("saddle", "bridle", "stirrup"),
    ("canvas", "easel", "pigment"),
    ("beaker", "pipette", "flask"),
    ("anvil", "bellows", "tongs"),
    ("lantern", "wick", "paraffin"),
    ("yarn", "needle", "thimble"),
    ("gasket", "piston", "crankshaft"),
    ("telescope", "eyepiece", "tripod"),
)


@dataclass(frozen=True)
class World:
    """What there is to find. good: share of proposals that reveal a rule; length: characters of a rule, at least; rare:
    share of parcels with the third mark; validation: rows; shelf, label: weights of the two in the score."""

    name: str
    good: float = 1.0
    length: int = 0
    rare: float = 1 / 3
    validation: int = 20
    shelf: float = 1.0
    label: float = 0.0


@dataclass(frozen=True)
class Cell:
    world: World
    metric_calls: int

    def __str__(self) -> str:
        return f"{self.world.name}, {self.metric_calls}"


PERFECT = World("every proposal good")
SOME = World("30 % good proposals", good=0.3)
FEW = World("5 % good proposals", good=0.05)
LONG = World("rules of 500 characters", length=500)
WIDE = World("60 validation rows", validation=60)
RARE = World("a rare rule, 6 % of rows", rare=0.06)
SHOWN = World("only what is shown helps", shelf=0.0, label=1.0)
BOTH = World("rules and what is shown", shelf=0.5, label=0.5)

BUDGETS: Mapping[World, Sequence[int]] = {
    PERFECT: (40, 80, 150, 300),
    SOME: (40, 80, 150),
    FEW: (300, 600, 1200),
    LONG: (150, 300),
    WIDE: (150, 300),
    RARE: (150, 300, 600),
    SHOWN: (80, 150),
    BOTH: (150, 300),
}
CELLS = [Cell(world, calls) for world, budgets in BUDGETS.items() for calls in budgets]
SMALLEST = [Cell(PERFECT, 40), Cell(SOME, 80), Cell(LONG, 80), Cell(WIDE, 80), Cell(RARE, 150), Cell(SHOWN, 40), Cell(BOTH, 80)]


# The task --------------------------------------------------------------------------------------------------------------


class SortParcel(dspy.Signature):
    """Say on which shelf the parcel goes and which label it gets."""

    parcel: str = dspy.InputField()
    shelf: str = dspy.OutputField()
    label: str = dspy.OutputField()


class Sorter(dspy.Module):
    """Sort one parcel, in one call."""

    def __init__(self) -> None:
        super().__init__()
        self.sort = FewShot(SortParcel)

    def forward(self, parcel: str) -> dspy.Prediction:
        reply = ask(self.sort, parcel=parcel)
        if isinstance(reply, Failure):
            return dspy.Prediction(shelf="", label="", failure=reply)
        return dspy.Prediction(shelf=reply.shelf, label=reply.label, failure=None)


def share(*things: object) -> float:
    """Draw from [0, 1) by the things themselves: the same in every process."""
    return int(hashlib.sha256(repr(things).encode()).hexdigest()[:12], 16) / 16**12


def parcel(world: World, number: int) -> dspy.Example:
    """Return a row; all of it follows from its number, but for the share of the rare mark."""
    marks = list(RULES)
    place = 2 if share("rare", number) < world.rare else int(2 * share("mark", number))
    mark, goods = marks[place], int(len(GOODS) * share("goods", number))
    inside = random.Random(f"inside-{number}").sample(GOODS[goods], 2)
    row = dspy.Example(
        id=str(number),
        parcel=f"parcel {number} with the mark {mark}: {' and '.join(inside)}",
        mark=mark,
        goods=goods,
        shelf=f"shelf {number}",
        label=f"label {number}",
    )
    return row.with_inputs("parcel")


def rows_of(world: World, seed: int, test: int) -> dict[str, list[dspy.Example]]:
    """Draw the rows of a seed, none of them in two splits."""
    sizes = {"train": TRAIN, "val": world.validation, "test": test}
    numbers = iter(random.Random(f"rows-{seed}").sample(range(100_000), sum(sizes.values())))
    return {split: [parcel(world, next(numbers)) for _ in range(size)] for split, size in sizes.items()}


def recipe_of(world: World) -> Recipe:
    def sorted_right(gold: dspy.Example, pred: dspy.Prediction) -> Score:
        shelf, label = pred.shelf == gold.shelf, pred.label == gold.label
        rule = "" if shelf else f"parcels with the mark {gold.mark} follow rule {RULES[gold.mark]}"
        parts = [
            Component("shelf", float(shelf), world.shelf, rule),
            Component("label", float(label), world.label, "" if label else "another label is right"),
        ]
        return composite([part for part in parts if part.weight])

    return Recipe(
        name="scripted",
        program=Sorter,
        metric=sorted_right,
        labels={},
        build=lambda folder: {},
        demonstrate=lambda row: {"sort": {"parcel": row.parcel, "shelf": row.shelf, "label": row.label}},
        kind=lambda row: row.goods,
        demonstrations=4,
        val_rows=world.validation,
    )


# The models ------------------------------------------------------------------------------------------------------------


class Engine:
    """Answers each request by a function of it, at once."""

    supports_response_schema = True
    supports_function_calling = False
    supports_reasoning = False
    supported_params = frozenset({"response_format", "temperature", "max_tokens"})

    def __init__(self, answer: Callable[[lm15.Request], str]) -> None:
        self.answer = answer

    def __deepcopy__(self, memo: dict[int, Any]) -> "Engine":
        return self

    def complete(self, request: lm15.Request) -> lm15.Response:
        reply = lm15.Message.assistant(self.answer(request))
        return lm15.Response(id=None, model="scripted", message=reply, finish_reason="stop", usage=lm15.Usage())

    def stream(self, request: lm15.Request) -> Any:
        return iter(lm15.response_to_events(self.complete(request)))

    def close(self) -> None:
        """Nothing is open."""


def scripted(role: str, answer: Callable[[lm15.Request], str]) -> dspy.LM:
    return dspy.LM(f"scripted/{role}", engine=Engine(answer), cache=False, num_retries=0)


def sort_parcel(request: lm15.Request) -> str:
    """Answer as the task model: the shelf by the rules of the instruction, the label by what is shown."""
    *shown, asked = [message.text or "" for message in request.messages]
    number, mark, goods = read_parcel(asked)
    known = RULES[mark] in rules_in(str(request.system))
    seen = [read_parcel(text)[2] for text in shown if "parcel " in text]
    sure = goods in seen or (bool(seen) and share("other", number) < OTHERS_HELP)
    reply = {"shelf": answer("shelf", number, known), "label": answer("label", number, sure)}
    if "reasoning" in str(request.system):
        reply = {"reasoning": "as I was told", **reply}
    return json.dumps(reply)


def answer(what: str, number: int, known: bool) -> str:
    right = (known or share("luck", what, number) < LUCK) and share("read wrong", what, number) >= READ_WRONG
    return f"{what} {number}" if right else f"no {what}"


def read_parcel(text: str) -> tuple[int, str, int]:
    """Return number, mark and kind of goods of the last parcel in a text."""
    number, mark, first = re.findall(r"parcel (\d+) with the mark (\w+): (\w+)", text)[-1]
    return int(number), mark, next(kind for kind, words in enumerate(GOODS) if first in words)


def rules_in(text: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"rule (\w\d)\b", text)))


def reflector(world: World) -> Callable[[lm15.Request], str]:
    """Return a reflection model that adds, to the rules of the instruction, the first one that the feedback misses."""
    marks = {name: mark for mark, name in RULES.items()}

    def written(name: str) -> str:
        text = f"Parcels with the mark {marks[name]} follow rule {name}. "
        return (text + PADDING * math.ceil(max(0, world.length - len(text)) / len(PADDING))).strip()

    def propose(request: lm15.Request) -> str:
        prompt = "\n".join(message.text or "" for message in request.messages)
        if "[[ ## current_instruction ## ]]" not in prompt:
            return "I write whole instructions and nothing else."
        now, _, cases = prompt.rpartition("[[ ## current_instruction ## ]]")[2].partition("[[ ## examples_with_feedback ## ]]")
        known = rules_in(now)
        missing = [name for name in rules_in(cases) if name not in known]
        luck = share("proposal", prompt)
        useless = [f"Take care {luck:.6f} of the time."]
        new = [*map(written, missing[:1])] if luck < world.good and missing else useless
        return json.dumps({"new_instruction": " ".join([str(SortParcel.__doc__), *map(written, known), *new])})

    return propose


# The runs --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """One optimiser in one cell with one seed; test: rows that the result is scored on."""

    cell: Cell
    optimizer: str
    seed: int
    test: int

    @cached_property
    def key(self) -> str:
        return digest([asdict(self), versions(), code_of(self.optimizer)])

    @property
    def rows(self) -> int:
        """How many rows it will run, at most about."""
        return self.cell.metric_calls + self.test


@cache
def code_of(optimizer: str) -> str:
    """Name the code that decides an optimiser's figures, as it was when this process began; stock asks none of our search."""
    files = [sys.modules[__name__], baselines, candidate, demonstrations, scoring]
    of_search = [digest_of_code(), *map(inspect.getsource, (adapter, allowance, bandit))] if optimizer == OURS else []
    return digest([*of_search, *map(inspect.getsource, files)])


def runs_of(cells: Sequence[Cell], seeds: int, test: int) -> list[Run]:
    return [Run(cell, name, seed, test) for cell in cells for seed in range(seeds) for name in (OURS, STOCK)]


def run_one(run: Run, place: Path) -> Record:
    """Search and score what was found. Raises RunInterrupted on a signal."""
    world, meter, journal = run.cell.world, Meter(), Journal()
    rows = rows_of(world, run.seed, run.test)
    task, reflection = scripted("task", sort_parcel), scripted("reflection", reflector(world))
    models = recorded(task, "task", journal, meter), recorded(reflection, "reflection", journal, meter)
    job = job_of(recipe_of(world), rows, run.seed, reasoning=True)
    with interruptible(meter, place), noise_to(Path(os.devnull)):
        found = optimize(run.optimizer, Search(job, *models, run.cell.metric_calls, meter, run.seed))
        used, proposals = meter.rollouts, meter.roles["reflection"].calls
        assert found.program is not None, found.failure
        scores = score_rows(found.program, rows["test"], job.metric, task, meter)
    test = sum(score.value for score in scores) / len(scores)
    return {"key": run.key, **asdict(run), "score": test, "used": used, "reflections": proposals}


def run_all(runs: Sequence[Run], place: Path, say: Callable[[str], None], fresh: bool = False) -> dict[str, Record]:
    """Run what is not in the folder's journal yet; return the records of all by their keys."""
    with claimed(place, fresh=fresh) as directory:
        results = finished(directory)
        missing = [run for run in runs if run.key not in results]
        if len(missing) < len(runs):
            say(f"{len(runs) - len(missing)} of {len(runs)} runs are in {place} already")
        eta = Eta(sum(run.rows for run in missing), say)
        for run in missing:
            record = run_one(run, place)
            with contextlib.closing(Journal(place / RESULTS)) as journal:
                journal.append(record)
            results[run.key] = record
            eta.tell(run)
    return {run.key: results[run.key] for run in runs}


@dataclass
class Eta:
    """Tells every now and then where a long list of runs is, and by the pace so far how long it will take."""

    rows: int
    say: Callable[[str], None]
    done: int = 0
    start: float = field(default_factory=time.monotonic)
    told: float = field(default_factory=time.monotonic)

    def tell(self, run: Run) -> None:
        self.done += run.rows
        now = time.monotonic()
        if now - self.told >= SECONDS_BETWEEN_LINES or self.done == self.rows:
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
        won, lost = (sum(sign * each > SAME for each in self.differences) for sign in (1, -1))
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
        ours, stock = ([sum(scores) / len(scores) for scores in each] for each in zip(*map(scores_of, self.cells), strict=True))
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


def scores_of(cell: Compared) -> tuple[Sequence[float], Sequence[float]]:
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
        ours, stock = (sum(scores) / len(scores) for scores in scores_of(each))
        won, tied, lost = each.count
        mark = "  behind" if each.behind else ""
        lines.append(
            f"{each.cell.world.name:26} {each.cell.metric_calls:5}  {ours:.3f}  {stock:.3f}  {signed(each.difference):25}  "
            f"{won:3} {tied:4} {lost:4}  {each.used[OURS]:.0f} / {each.used[STOCK]:.0f}{mark}"
        )
    ours, stock = comparison.means
    lines.append(f"{'mean':32}  {ours:.3f}  {stock:.3f}  {signed(comparison.difference):25}  {comparison.verdict}")
    return "\n".join(lines)


def signed(interval: Interval) -> str:
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
        found = [bootstrap(scores_of(each)[place]) for each in cells]
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
