"""Shares with their intervals, and the tables made of them: what failures_agreement.py says.

Guarantees an interval is of groups (prompts, tasks, templates, files), not of runs: runs of one group are alike. Where
           nothing or everything was counted, it is Wilson's over the groups, because drawing them again says nothing then.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dspy_programs.failures.intervals import wilson
from optimizers.scoring import group_interval

Rows = Sequence[tuple[str, bool]]
"""(group, whether it counts) of every run."""


class Figure(NamedTuple):
    """A share, or an F1: `count` of `total` runs, None where it is not a count. low, high: 95 %."""

    what: str
    of: str
    value: float
    low: float
    high: float
    count: int | None
    total: int

    def __str__(self) -> str:
        told = f"{self.value:.3f}" if self.count is None else f"{self.count}/{self.total} = {self.value:.3f}"
        return f"{told} [{self.low:.3f}, {self.high:.3f}]" if self.total else "no runs"


def share(what: str, of: str, rows: Rows) -> Figure:
    """Return how many of the rows count."""
    count, total = sum(counts for _, counts in rows), len(rows)
    if not total:
        return Figure(what, of, 0.0, 0.0, 1.0, 0, 0)
    tables = _tables((group, (counts, True)) for group, counts in rows)
    low, high = group_interval(tables, lambda table: _ratio(table[..., 0], table[..., 1]))
    if count in (0, total):
        low, high = wilson(len(tables) if count else 0, len(tables))
    return Figure(what, of, count / total, low, high, count, total)


def agreement(what: str, of: str, rows: Sequence[tuple[str, bool, bool]]) -> Iterator[Figure]:
    """Yield precision, recall and F1 of (group, said, true)."""
    tables = _tables((group, (said and true, said and not true, true and not said)) for group, said, true in rows)
    ways: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "F1": lambda t: _ratio(2 * t[..., 0], 2 * t[..., 0] + t[..., 1] + t[..., 2]),
        "precision": lambda t: _ratio(t[..., 0], t[..., 0] + t[..., 1]),
        "recall": lambda t: _ratio(t[..., 0], t[..., 0] + t[..., 2]),
    }
    for name, figure in ways.items():
        low, high = group_interval(tables, figure) if rows else (0.0, 1.0)
        yield Figure(f"{what}, {name}", of, float(figure(tables.sum(axis=0))), low, high, None, len(rows))


def _tables(rows: Iterable[tuple[str, tuple[bool, ...]]]) -> np.ndarray:
    sums: dict[str, np.ndarray] = {}
    for group, counts in rows:
        sums[group] = sums.get(group, np.zeros(len(counts))) + np.array(counts, dtype=float)
    return np.stack(list(sums.values())) if sums else np.zeros((1, 3))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    part = np.asarray(part, dtype=float)
    return np.divide(part, whole, out=np.zeros_like(part), where=np.asarray(whole) > 0)


WAYS = ("all", "seen", "unseen")
HEADLINES = (
    "WorkBench, wrong runs found",
    "WorkBench, right runs hit",
    "WorkBench, right runs hit that had something to change",
    "WorkBench, wrong runs that count in a gate",
    "WorkBench, right runs that had something to change and count in a gate",
    "tau-bench, failed conversations found",
    "tau-bench, passed conversations hit",
    "Who&When, turn exact",
    "Who&When, turn within 2",
    "XSTest, refusal found, F1",
    "Reviewed, verdicts that are right",
)


def parts_table(figures: Sequence[Figure], only: Sequence[str] = ()) -> Iterator[str]:
    """Yield Markdown: what was measured over all, seen and unseen runs."""
    found = {(figure.what, figure.of): str(figure) for figure in figures}
    yield f"| | {' | '.join(WAYS)} |"
    yield "|---|---|---|---|"
    for what in dict.fromkeys(figure.what for figure in figures if figure.of in WAYS):
        if not only or what in only:
            yield f"| {what} | {' | '.join(found.get((what, way), '') for way in WAYS)} |"


def kinds_table(figures: Sequence[Figure]) -> Iterator[str]:
    """Yield Markdown: the same by model, source and mode."""
    yield "| | of | share |"
    yield "|---|---|---|"
    for figure in figures:
        if figure.of not in WAYS:
            yield f"| {figure.what} | {figure.of} | {figure} |"


def write(path: Path, figures: Sequence[Figure], **told: object) -> None:
    """Write the figures as JSON, with what else is told."""
    rows = [figure._asdict() for figure in figures]
    text = json.dumps({**told, "figures": rows}, indent=1, ensure_ascii=False, default=str)
    path.write_text(f"{text}\n", encoding="utf-8")


def read(path: Path) -> list[Figure]:
    return [Figure(**row) for row in json.loads(path.read_text(encoding="utf-8"))["figures"]]
