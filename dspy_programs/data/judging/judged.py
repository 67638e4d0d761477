"""Judgments of a data set's pairs, by pair, with the scale of their scores.

Input      the file that `data judge` writes: {pair_id, scores, passed, judge_model, ...} a line; the last of a pair counts.
Output     `scale`: what the best score is, 10 or 1. A judgment says it itself (`scale`, or its rubric's); one with a
           `quality_tier` is on 10, as tiers are; else scores above 1 mean 10.
Guarantees a judgment that failed (it has an `error`, or no scores) is none; only `true` itself is a pass.
Raises     UsageError for a file that is not there or has no judgment.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dspy_programs.data.line_index import LineIndex
from dspy_programs.errors import UsageError
from dspy_programs.text import quantity


class Judgments:
    """The judgments in a file. `criteria`: every name that has a score in one of them."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise UsageError(f"{path}: no such file of judgments; make one: dspy-programs data judge -d NAME")
        self.path = path
        self._index = LineIndex(path)
        self.criteria: set[str] = set()
        self.failed = 0
        self.judged = 0
        scales, highest = set(), 0.0
        for line in self._index.all_last():
            scores = _scores_in(line)
            self.failed += not scores
            self.judged += bool(scores)
            self.criteria.update(scores)
            highest = max(highest, *scores.values()) if scores else highest
            if declared := _scale_in(line):
                scales.add(declared)
        if not self.judged:
            raise UsageError(f"{path}: has no judgment with scores ({quantity(self.failed, 'line')} without)")
        if len(scales) > 1:
            raise UsageError(f"{path}: judgments on several scales, up to {' and '.join(f'{s:g}' for s in sorted(scales))}")
        self.is_declared = bool(scales)
        self.scale = scales.pop() if scales else 10.0 if highest > 1 else 1.0

    def of(self, pair_id: str) -> dict[str, Any] | None:
        """Return the judgment of a pair, None if it has none or it failed."""
        line = self._index.last(pair_id)
        return line if line and _scores_in(line) else None

    def each(self) -> Iterator[dict[str, Any]]:
        """Yield the last judgment of every pair that has one."""
        return (line for line in self._index.all_last() if _scores_in(line))

    def described(self) -> str:
        how = "as they say" if self.is_declared else "by their values"
        return f"{self.path}: {quantity(self.judged, 'judgment')}, scores from 0 to {self.scale:g} ({how})"


def overall_of(judgment: Mapping[str, Any]) -> float:
    """Return the overall score; the mean of the others if there is none."""
    scores = _scores_in(judgment)
    return scores["overall"] if "overall" in scores else sum(scores.values()) / len(scores)


def scores_in(judgment: Mapping[str, Any] | None) -> dict[str, float]:
    """Return the scores by criterion; {} if there are none."""
    return _scores_in(judgment) if judgment else {}


def _scores_in(line: Mapping[str, Any]) -> dict[str, float]:
    scores = line.get("scores")
    if line.get("error") or not isinstance(scores, Mapping):
        return {}
    return {name: float(score) for name, score in scores.items() if isinstance(score, (int, float)) and type(score) is not bool}


def _scale_in(line: Mapping[str, Any]) -> float | None:
    rubric = line.get("rubric")
    for holder in (line, rubric if isinstance(rubric, Mapping) else {}):
        declared = holder.get("scale")
        best = declared[-1] if isinstance(declared, list) and declared else declared
        if isinstance(best, (int, float)) and best > 0:
            return float(best)
    return 10.0 if "quality_tier" in line else None
