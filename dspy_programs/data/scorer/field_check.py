"""field_consistency: do all rows have the same fields, of the same types, in one format, under ids of their own?"""

from collections import Counter
from functools import partial

import numpy as np

from dspy_programs.data.scorer.excerpts import asked_and_answered, field_of
from dspy_programs.data.scorer.faults import RowFault
from dspy_programs.data.scorer.kept_rows import Kept
from dspy_programs.data.scorer.ready import Mask, Ready
from dspy_programs.data.scorer.result import CheckScore, Finding
from dspy_programs.data.scorer.shapes import EMPTY, NULL, OTHER
from dspy_programs.data.scorer.view import ANSWERED, ASKED, CHATS, FORMATS

_CORE = frozenset((*ASKED, *ANSWERED, *CHATS))
_MOST_FIELDS = 20  # that get a finding of their own
_IDS_ARE_OWN = 0.9  # share of distinct ids among the rows from which an id is meant to be one row's


def field_consistency_check(ready: Ready) -> CheckScore:
    """Fields that a few rows lack, that only a few have, and values of another type than the others'."""
    fields = _Fields(ready)
    found = [*fields.other_types(), *fields.lacking(), *fields.stray(), *_other_format(ready), *_same_ids(ready)]
    bad = np.zeros(ready.rows, np.bool_)
    for mask, _ in found:
        bad |= mask
    findings = sorted((finding for _, finding in found), key=lambda finding: -finding.rows)
    return ready.scored("field_consistency", ready.share(bad), findings)


_Found = list[tuple[Mask, Finding]]


class _Fields:
    """Which rows have which field, of which type, by the shapes of the rows."""

    def __init__(self, ready: Ready) -> None:
        self.ready, self.shapes = ready, ready.tally.shapes.listed()
        self.of_row = ready.numbers["shape"]
        counts = np.bincount(self.of_row, minlength=len(self.shapes)).tolist()
        self.present: Counter[str] = Counter()
        self.types: dict[str, Counter[str]] = {}
        for shape, count in zip(self.shapes, counts, strict=True):
            for name, kind in shape.items():
                self.present[name] += count
                if kind not in (EMPTY, NULL):
                    self.types.setdefault(name, Counter())[kind] += count

    def rows_of(self, shapes: list[int]) -> Mask:
        return np.isin(self.of_row, shapes)

    def other_types(self) -> _Found:
        """Return the values that are of another type than most."""
        found: _Found = []
        for name, kinds in sorted(self.types.items()):
            usual = min(kinds, key=lambda kind: (-kinds[kind], kind))
            for kind in sorted(kinds.keys() - {usual}):
                rows = self.rows_of([number for number, shape in enumerate(self.shapes) if shape.get(name) == kind])
                if rows.any() and len(found) < _MOST_FIELDS:
                    text = f"in which `{name}` is a {kind}, not a {usual}".replace("a object", "an object")
                    finding = self.ready.finding("type", text.replace("a text", "text"), rows, partial(field_of, name=name))
                    found.append((rows, finding))
        return found

    def lacking(self) -> _Found:
        """Return the rows without a field that nearly all have. Without a request or an answer, `missing` counts them."""
        ready = self.ready
        counted = ready.has(RowFault.NO_REQUEST) & ready.asks() | ready.has(RowFault.NO_ANSWER) & ready.answers()
        found: _Found = []
        for name, count in sorted(self.present.items()):
            if ready.config.expected_field * ready.rows <= count < ready.rows:
                rows = self.rows_of([number for number, shape in enumerate(self.shapes) if name not in shape])
                if name.lower() in _CORE:
                    rows &= ~counted
                if rows.any() and len(found) < _MOST_FIELDS:
                    found.append((rows, ready.finding("lacking", f"without the field `{name}`", rows, asked_and_answered)))
        return found

    def stray(self) -> _Found:
        """Return the rows with a field that hardly any row has."""
        ready = self.ready
        few = sorted(name for name, count in self.present.items() if count <= ready.config.stray_field * ready.rows)
        found: _Found = []
        for name in few[:_MOST_FIELDS]:
            rows = self.rows_of([number for number, shape in enumerate(self.shapes) if name in shape])
            text = f"with a field `{name}`, which the others do not have"
            found.append((rows, ready.finding("stray", text, rows, partial(field_of, name=name))))
        rest = self.rows_of(
            [n for n, shape in enumerate(self.shapes) if n == OTHER or any(name in shape for name in few[_MOST_FIELDS:])]
        )
        if rest.any():
            found.append((rest, ready.finding("stray", "with still other fields", rest, _names)))
        return found


def _other_format(ready: Ready) -> _Found:
    usual = FORMATS.index(ready.tally.format)
    found: _Found = []
    for number, name in enumerate(FORMATS):
        rows = ready.numbers["format"] == number
        if number != usual and name != "generic" and rows.any():
            text = f"in the format {name}, not {ready.tally.format}"
            found.append((rows, ready.finding("format", text, rows, _names)))
    return found


def _same_ids(ready: Ready) -> _Found:
    """Return the rows whose id an earlier one has, which is no copy of them."""
    ids, first = ready.numbers["id"], np.sort(ready.first)
    first = first[ids[first] != 0]
    values, at, back = np.unique(ids[first], return_index=True, return_inverse=True)
    if not len(first) or len(values) == len(first) or len(values) < _IDS_ARE_OWN * len(first):
        return []
    repeated = np.arange(len(first)) != at[back]
    rows = np.zeros(ready.rows, np.bool_)
    rows[first[repeated]] = True
    finding = ready.finding(
        "id", "with an id that another row has", first[repeated], asked_and_answered, first[at[back]][repeated]
    )
    return [(rows, finding)]


def _names(kept: Kept) -> str:
    return ", ".join(kept.fields) or "no field"
