"""From finished runs to a comparison: JSON, Markdown tables, a plot. It shows finished runs only and names missing ones.

Figures    test score: mean over the test rows of each row's mean over the random seeds, with its 95 % bootstrap interval
           over rows; lift: the same for the paired differences to the uncompiled program. The mean over programs compares
           optimizers only on programs that all of them finished, with rows drawn within each program.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from optimizers.calls import Record
from optimizers.plotting import COLOURS, MARKERS, require_matplotlib
from optimizers.scoring import Interval, bootstrap, bootstrap_of_means

REFERENCE = "seed"
_COSTS = ("metric_calls", "lm_calls", "tokens", "prompt_tokens_per_call", "minutes", "engine")
_HEADS = ("metric calls", "model calls", "tokens", "prompt tokens per call", "minutes", "engine")
_NOTES = """\
* Test score: mean over the test rows of each row's mean over the random seeds, with its 95 % bootstrap interval over rows.
  Lift: the same for the paired differences to `seed`, the uncompiled program.
* Metric calls: rows scored during the search, including bootstrapping, counted in the metric itself. An optimizer finishes
  the pass in progress when the budget ends.
* Model calls, tokens, minutes: of the search, mean over the random seeds; minutes are those the models took. An answer that
  several optimizers need is paid once and counts for each.
* Prompt tokens per call: on the test rows, the cost of using the result. `labelled` shows labelled rows, without a search.
* Engine: share of the wall time in which a model was working, over search and test; above 100 % if calls overlap, low if
  most answers were replayed.
"""


@dataclass(frozen=True)
class Wanted:
    """One run of the report; record: None if it has not been run."""

    program: str
    optimizer: str
    seed: int
    record: Record | None


@dataclass(frozen=True)
class Cell:
    """One optimizer on one program: its runs, one per random seed."""

    runs: tuple[Wanted, ...]

    @property
    def records(self) -> list[Record]:
        return [run.record for run in self.runs if run.record and not run.record["failure"]]

    @property
    def failures(self) -> dict[int, str]:
        return {run.seed: run.record["failure"] for run in self.runs if run.record and run.record["failure"]}

    @property
    def finished(self) -> bool:
        return len(self.records) == len(self.runs)

    @property
    def rows(self) -> list[float]:
        """Each test row's mean over the random seeds."""
        return [float(value) for value in np.mean([record["test"] for record in self.records], axis=0)]

    def costs(self) -> dict[str, Any]:
        """Mean over the random seeds; None if no model was called."""
        records = self.records
        wall = sum(r["wall_seconds"] for r in records if r["asked_seconds"])
        calls = sum(r["test_calls"] for r in records)
        means = {name: float(np.mean([r[name] for r in records])) for name in (*_COSTS[:3], "minutes")}
        return means | {
            "prompt_tokens_per_call": sum(r["test_prompt_tokens"] for r in records) / calls if calls else None,
            "engine": sum(r["asked_seconds"] for r in records) / wall if wall else None,
            "wall_minutes": float(np.mean([r["wall_seconds"] for r in records])) / 60,
        }


@dataclass(frozen=True)
class _Report:
    """about: models, versions and the like; sizes: program -> its budget and rows; cells: (program, optimizer) -> runs."""

    about: Mapping[str, Any]
    sizes: Mapping[str, Mapping[str, int]]
    optimizers: tuple[str, ...]
    cells: Mapping[tuple[str, str], Cell]

    @property
    def compared(self) -> list[str]:
        """The programs that every optimizer finished."""
        return [name for name in self.sizes if all(self.cells[name, optimizer].finished for optimizer in self.optimizers)]

    def differences(self, program: str, optimizer: str) -> list[float]:
        """Return an optimizer's gain over the uncompiled program, row by row; [] for itself, or if that was not run."""
        reference = self.cells.get((program, REFERENCE))
        if optimizer == REFERENCE or reference is None or not reference.records:
            return []
        return [float(value) for value in np.subtract(self.cells[program, optimizer].rows, reference.rows)]

    def of_program(self, program: str, optimizer: str) -> dict[str, Any] | None:
        """Return the figures of one table row; None if nothing was run."""
        cell = self.cells[program, optimizer]
        if not cell.records:
            return {"failures": cell.failures} if cell.failures else None
        differences = self.differences(program, optimizer)
        return {
            "seeds": [record["seed"] for record in cell.records],
            "failures": cell.failures,
            "test": bootstrap(cell.rows),
            "test_by_seed": [float(np.mean(record["test"])) for record in cell.records],
            "lift": bootstrap(differences) if differences else None,
            **cell.costs(),
            "history": [record["history"] for record in cell.records],
        }

    def of_mean(self, optimizer: str) -> dict[str, Any]:
        """Return the same for the mean over the compared programs."""
        cells = [self.cells[program, optimizer] for program in self.compared]
        costs = [cell.costs() for cell in cells]
        differences = [self.differences(program, optimizer) for program in self.compared]
        return {
            "test": bootstrap_of_means([cell.rows for cell in cells]),
            "lift": bootstrap_of_means(differences) if all(differences) else None,
            **{name: _mean_of([cost[name] for cost in costs]) for name in _COSTS},
        }


def report_of(wanted: Sequence[Wanted], sizes: Mapping[str, Mapping[str, int]], about: Mapping[str, Any]) -> _Report:
    """Sort the runs into cells. `wanted` has every run of every program in `sizes`, done or not."""
    optimizers = tuple(dict.fromkeys(run.optimizer for run in wanted))
    cells = {
        (program, optimizer): Cell(tuple(run for run in wanted if (run.program, run.optimizer) == (program, optimizer)))
        for program in sizes
        for optimizer in optimizers
    }
    return _Report(about, sizes, optimizers, cells)


def _mean_of(values: Sequence[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if len(there) == len(values) else None


def as_json(report: _Report) -> dict[str, Any]:
    """Return every figure of the report as plain values; null for what was not run."""
    programs = {
        program: {
            **sizes,
            "optimizers": {name: intervals_as_dicts(report.of_program(program, name)) for name in report.optimizers},
        }
        for program, sizes in report.sizes.items()
    }
    compared = report.compared
    means = {name: intervals_as_dicts(report.of_mean(name)) for name in report.optimizers} if compared else {}
    return {**report.about, "programs": programs, "mean": {"programs": compared, "optimizers": means}}


def intervals_as_dicts(figures: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if figures is None:
        return None
    return {name: asdict(value) if isinstance(value, Interval) else value for name, value in figures.items()}


def as_markdown(report: _Report) -> str:
    """Return the mean over programs, then a table for each."""
    about = report.about
    seeds = "1 seed" if about["seeds"] == 1 else f"{about['seeds']} seeds"
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    lines = [
        f"# Optimizers compared on {about['models']['task']}",
        "",
        f"Same rows, same budget of metric calls, {seeds}. {about['models']['reflection']} proposes. {versions}.",
        "",
        *_mean_lines(report),
    ]
    for program, sizes in report.sizes.items():
        lines += ["", f"## {program}", "", *_program_lines(report, program, sizes)]
    return "\n".join([*lines, "", "## How to read it", "", _NOTES])


def _mean_lines(report: _Report) -> Iterator[str]:
    compared, missing = report.compared, [name for name in report.sizes if name not in report.compared]
    if not compared:
        yield "No program has been finished by all of these optimizers yet, so there is no mean over programs."
        return
    yield f"Mean over {', '.join(compared)}, which all of these optimizers finished."
    if missing:
        yield f"Not included, because not all finished them: {', '.join(missing)}."
    yield ""
    yield from _table_head("optimizer", "test score", "lift", *_HEADS)
    for name in report.optimizers:
        figures = report.of_mean(name)
        yield _table_row(name, figures["test"], figures["lift"] or "-", *_cost_cells(figures))


def _program_lines(report: _Report, program: str, sizes: Mapping[str, int]) -> Iterator[str]:
    figures = {name: report.of_program(program, name) for name in report.optimizers}
    rows = ", ".join(f"{sizes[split]} {split}" for split in ("train", "val", "test"))
    yield f"Budget {sizes['metric_calls']} metric calls; rows: {rows}."
    yield ""
    if not any(figures.values()):
        yield "Not run."
        return
    yield from _table_head("optimizer", "test score", "each seed", "lift", *_HEADS)
    for name, found in figures.items():
        if found is None or "test" not in found:
            yield _table_row(name, "not run" if found is None else "failed", *["-"] * (2 + len(_HEADS)))
            continue
        each = " ".join(f"{value:.3f}" for value in found["test_by_seed"])
        short = "" if len(found["seeds"]) == report.about["seeds"] else f" ({len(found['seeds'])} of {report.about['seeds']})"
        yield _table_row(name, found["test"], each + short, found["lift"] or "-", *_cost_cells(found))
    for name, found in figures.items():
        for seed, reason in (found or {}).get("failures", {}).items():
            yield f"\n{name}, seed {seed}, failed: {' '.join(reason.split()).replace('|', '/')}"


def _table_head(*names: str) -> Iterator[str]:
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"


def _table_row(*cells: Any) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _cost_cells(figures: Mapping[str, Any]) -> list[str]:
    formats = dict(zip(_COSTS, ("{:.0f}", "{:.0f}", "{:,.0f}", "{:,.0f}", "{:.1f}", "{:.0%}"), strict=True))
    return ["-" if figures[name] is None else pattern.format(figures[name]) for name, pattern in formats.items()]


def best_so_far_curve(
    report: _Report, optimizer: str, programs: Sequence[str], share: bool = False
) -> list[tuple[float, float]]:
    """Average the best validation score so far over programs and random seeds, from where all have one to the last end.

    share: count metric calls as a share of each program's budget.
    """
    unit = {program: report.sizes[program]["metric_calls"] if share else 1 for program in programs}
    histories = [
        [(calls / unit[program], best) for calls, best in record["history"]]
        for program in programs
        for record in report.cells[program, optimizer].records
    ]
    if not histories or not all(histories):
        return []
    begin = max(history[0][0] for history in histories)
    places = sorted({begin, *(calls for history in histories for calls, _ in history if calls > begin)})
    return [(x, float(np.mean([[best for calls, best in h if calls <= x][-1] for h in histories]))) for x in places]


def plot(report: _Report) -> bytes:
    """Plot score against metric calls as a PNG: the mean over the compared programs, then each of them."""
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    programs = report.compared
    panels = [*([programs] if len(programs) > 1 else []), *([program] for program in programs)]
    lines = -(-len(panels) // 4) or 1
    columns = -(-len(panels) // lines) or 1
    figure = Figure(figsize=(max(7, 4 * columns), 1.2 + 3.9 * lines), layout="constrained")
    FigureCanvasAgg(figure)
    for number, panel in enumerate(panels, 1):
        draw(figure.add_subplot(lines, columns, number), report, panel)
    title = report.about["models"]["task"]
    if panels:
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
        figure.supylabel("line: best validation score so far, mark: test score (95 % interval)", fontsize=9)
    else:
        title += ": no program has been finished by all of these optimizers yet"
    figure.suptitle(title, fontsize=11)
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=120)
    return png.getvalue()


def draw(axes: Any, report: _Report, programs: Sequence[str]) -> None:
    """Draw one panel; for several programs, whose budgets differ, in shares of the budget."""
    share = len(programs) > 1
    for number, name in enumerate(report.optimizers):
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        width = 1 + 0.5 * (len(report.optimizers) - number)  # overlapping lines and marks stay visible
        cells = [report.cells[program, name] for program in programs]
        unit = [report.sizes[program]["metric_calls"] if share else 1 for program in programs]
        end = float(np.mean([cell.costs()["metric_calls"] / per for cell, per in zip(cells, unit, strict=True)]))
        if line := best_so_far_curve(report, name, programs, share):
            xs, ys = zip(*line, strict=True)
            axes.step([*xs, max(xs[-1], end)], [*ys, ys[-1]], where="post", color=colour, linewidth=width)
        test = bootstrap_of_means([cell.rows for cell in cells])
        errors = [[test.mean - test.low], [test.high - test.mean]]
        axes.errorbar(end, test.mean, errors, color=colour, marker=marker, markersize=4 * width - 1, capsize=2, label=name)
    axes.set_title(f"mean of {len(programs)} programs" if share else programs[0], fontsize=10)
    axes.set_xlabel("metric calls as a share of the budget" if share else "metric calls", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)
