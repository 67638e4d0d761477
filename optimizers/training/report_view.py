"""A run's result for a notebook: a table and a plot."""

import io
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from optimizers.plotting import require_matplotlib

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from optimizers.scoring import Interval
    from optimizers.training.conclusion import Report

NAMES = {"seed": "uncompiled", "in use": "in use before", "compiled": "best found"}
_DIFFERENCES = {"difference": "best found - uncompiled", "gain": "best found - in use before", "elsewhere": "on other sources"}
GREY, BLUE, ORANGE = "#9a9a9a", "#1f77b4", "#ff7f0e"


def table(report: "Report") -> str:
    """Return Markdown: what was compared on validation and test, and the outcome."""
    lines = ["| program | validation | rows | test, 95 % interval | rows |", "|---|---|---|---|---|"]
    for name, index in compared(report).items():
        candidate, test = report.candidates[index], report.test.get(name)
        cells = [NAMES[name], f"{candidate.score:.3f}", len(candidate.scores), test or "not tested", test.rows if test else ""]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join([*lines, "", *outcome(report)])


def compared(report: "Report") -> dict[str, int]:
    """Return the candidates that matter: uncompiled, in use before if different, best; each once."""
    found = {"seed": 0} | ({"in use": report.standing} if report.standing not in (None, 0, report.winner) else {})
    return found | ({"compiled": report.winner} if report.winner else {})


def outcome(report: "Report") -> Iterator[str]:
    for name, what in _DIFFERENCES.items():
        if interval := report.test.get(name):
            yield f"{what}: {interval}, {'within' if interval.is_noise else 'beyond'} noise  "
    used = report.used
    cost = f"{used['rollouts']} metric calls, {used['tokens']:,} tokens, {used['minutes']:.1f} minutes"
    yield f"{cost}; ended by {report.ended_by}  "
    yield f"in use now: {report.promoted}" if report.promoted else f"not put into use: {report.why_not}"


def plot(report: "Report") -> "Figure":
    """Plot every candidate by when it was found, and the test; return a matplotlib Figure. Raises MissingExtra."""
    require_matplotlib()
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(9, 3.6), layout="constrained")
    search, test = figure.subplots(1, 2, width_ratios=[3, 2])
    _draw_search(search, report)
    _draw_test(test, {name: report.test[name] for name in NAMES if name in report.test})
    figure._repr_png_ = partial(_as_png, figure)  # a notebook shows it, with or without pyplot
    return figure


def _as_png(figure: Any) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    return picture.getvalue()


def _draw_search(axes: Any, report: "Report") -> None:
    """Draw the validation score of each candidate; larger marks mean more rows."""
    most = max(len(each.scores) for each in report.candidates)
    for each in report.candidates:
        colour = BLUE if each.index == report.winner else ORANGE if each.index == 0 else GREY
        axes.scatter(each.metric_calls, each.score, s=20 + 100 * len(each.scores) / most, color=colour, zorder=2)
        for parent in each.parents:
            before = report.candidates[parent]
            axes.plot([before.metric_calls, each.metric_calls], [before.score, each.score], color=GREY, linewidth=0.6, zorder=1)
    axes.set_xlabel("metric calls when it was found")
    axes.set_ylabel("validation score")
    axes.set_ylim(-0.03, 1.03)
    axes.set_title("candidates: orange uncompiled, blue best; larger: more rows", fontsize=9)
    axes.grid(alpha=0.3)


def _draw_test(axes: Any, test: "dict[str, Interval]") -> None:
    for place, (name, each) in enumerate(test.items()):
        colour = {"seed": ORANGE, "compiled": BLUE}.get(name, GREY)
        error = [[each.mean - each.low], [each.high - each.mean]]
        axes.bar(place, each.mean, 0.6, yerr=error, capsize=4, color=colour)
        axes.annotate(f"{each.mean:.2f}", (place, 0.02), ha="center", color="white")
    axes.set_xticks(range(len(test)), [NAMES[name] for name in test])
    axes.set_ylim(0, 1.05)
    rows = next(iter(test.values())).rows if test else 0
    axes.set_title(f"test, {rows} unseen rows, 95 % interval" if test else "test: not run", fontsize=9)
