"""Counts of a data set, in one pass: formats, fields, lengths, turns, tokens, categories, languages."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dspy_programs.data.checks.growing_numbers import Growing
from dspy_programs.data.scorer.language_sample import LanguageSample
from dspy_programs.data.scorer.numbers import number_of
from dspy_programs.data.scorer.scorer import detector_if_there, require_rows
from dspy_programs.data.scorer.shapes import EMPTY, NULL, Shapes
from dspy_programs.data.scorer.tally import Unreadable
from dspy_programs.data.scorer.values import LABELS
from dspy_programs.data.scorer.view import View, view_of
from dspy_programs.tables import Fault, Found
from dspy_programs.tokens import TokenCounter

_ABOUT = frozenset(
    (*LABELS, "category", "topic", "difficulty", "level", "source", "language", "lang", "split", "type", "task_type")
)
_MOST_VALUES = 1000  # of a column; one with more is no category
_SHOWN = 20  # values
_LONGEST_VALUE = 60  # characters
_QUANTILES = {"min": 0, "p5": 5, "median": 50, "p95": 95, "p99": 99, "max": 100}
_BATCH = 4096
_MEASURES = ("request_characters", "answer_characters", "row_characters", "row_tokens", "answer_tokens", "turns")


class Stats:
    """Takes rows one by one; `as_dict` says what they are. count: of a text's tokens, None for no tokens."""

    def __init__(self, counter: TokenCounter | None) -> None:
        self.counter = counter
        self.rows, self.unreadable = 0, 0
        self.formats: Counter[str] = Counter()
        self.shapes, self.languages = Shapes(), LanguageSample()
        self.languages.named = detector_if_there()
        self.shape_counts: Counter[int] = Counter()
        self.values: dict[str, Counter[str]] = {}
        self.measures = {name: Growing(np.uint32) for name in _MEASURES}
        self._batch: dict[str, list[int]] = {name: [] for name in _MEASURES}
        self._first_fault: Unreadable | None = None

    def take(self, found: Found) -> None:
        if isinstance(found, Fault):
            self.unreadable += 1
            self._first_fault = self._first_fault or Unreadable(found.where, found.reason, found.text)
            return
        view = view_of(found.fields)
        self.formats[view.format] += 1
        self.shape_counts[self.shapes.number_of(found.fields)] += 1
        self.languages.add(self.rows, number_of(view.whole()), view)
        for name, value in found.fields.items():
            if name.lower() in _ABOUT and isinstance(value, (str, int)):
                counts = self.values.setdefault(name, Counter())
                if len(counts) <= _MOST_VALUES:
                    counts[str(value)[:_LONGEST_VALUE]] += 1
        for name, number in self._measured(view):
            self._batch[name].append(number)
        self.rows += 1
        if self.rows % _BATCH == 0:
            self._flush()

    def _measured(self, view: View) -> list[tuple[str, int]]:
        whole = view.whole()
        found = [("request_characters", len(view.asked)), ("answer_characters", len(view.answered))]
        found.append(("row_characters", len(whole)))
        if view.turns is not None:
            found.append(("turns", len(view.turns)))
        if self.counter:
            found += [("row_tokens", self.counter.count(whole)), ("answer_tokens", self.counter.count(view.answered))]
        return found

    def _flush(self) -> None:
        for name, numbers in self._batch.items():
            self.measures[name].add(numbers)
            numbers.clear()

    def as_dict(self, name: str) -> dict[str, Any]:
        """Return everything as JSON has it. Raises DatasetError if there was no row."""
        self._flush()
        require_rows(self.rows, self._first_fault, name)
        lengths = {what: quantiles(growing.all()) for what, growing in self.measures.items() if len(growing.all())}
        counts = np.bincount(np.array(self.languages.numbers, np.int64), minlength=len(self.languages.known)).tolist()
        languages = Counter(dict(zip(self.languages.known, counts, strict=True)))
        return {
            "dataset": name,
            "rows": self.rows,
            "unreadable": self.unreadable,
            "detected_format": min(self.formats, key=lambda each: (-self.formats[each], each)),
            "formats": dict(sorted(self.formats.items())),
            "fields": self._fields(),
            "lengths": lengths,
            "tokens_by": f"{self.counter.name}{'' if self.counter.exact else ' (estimate)'}" if self.counter else None,
            "categories": self._categories(),
            "languages": {each: count for each, count in languages.most_common() if count},
            "languages_of": len(self.languages.rows),
        }

    def _fields(self) -> list[dict[str, Any]]:
        fields: dict[str, Counter[str]] = {}
        for number, shape in enumerate(self.shapes.listed()):
            for name, kind in shape.items():
                fields.setdefault(name, Counter())[kind] += self.shape_counts[number]
        return [
            {
                "field": name,
                "rows": kinds.total(),
                "filled": kinds.total() - kinds[EMPTY] - kinds[NULL],
                "types": [kind for kind, _ in kinds.most_common() if kind not in (EMPTY, NULL)],
            }
            for name, kinds in fields.items()
        ]

    def _categories(self) -> dict[str, dict[str, int]]:
        """Return the most common values of each column that has few."""
        few = {
            name: counts
            for name, counts in self.values.items()
            if len(counts) <= max(_SHOWN, min(_MOST_VALUES, self.rows // 2))
        }
        return {name: dict(counts.most_common(_SHOWN)) for name, counts in sorted(few.items())}


def stats_of(rows: Iterable[Found], name: str, counter: TokenCounter | None) -> dict[str, Any]:
    """Return the counts of a data set. counter: of tokens, None to leave them out. Raises DatasetError if there is no row."""
    stats = Stats(counter)
    for found in rows:
        stats.take(found)
    return stats.as_dict(name)


def quantiles(numbers: NDArray[Any]) -> dict[str, float]:
    """Return minimum, quantiles, maximum, mean and sum."""
    found = np.percentile(numbers, list(_QUANTILES.values()), method="nearest").tolist()
    summed = {"mean": round(float(numbers.mean()), 1), "sum": int(numbers.sum(dtype=np.uint64))}
    return {**dict(zip(_QUANTILES, map(int, found), strict=True)), **summed}
