"""label: is the class label of the rows fit to learn from?

The label is a column that is named so, or an answer that is one of a few choices. Without either the check is skipped: a
category or a topic is no label.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dspy_programs.data.scorer.excerpts import asked_and_answered
from dspy_programs.data.scorer.kept_rows import Kept
from dspy_programs.data.scorer.ready import Mask, Ready
from dspy_programs.data.scorer.result import CheckScore, Finding
from dspy_programs.data.scorer.values import NONE, TOO_MANY, Values, label_in
from dspy_programs.errors import DatasetError

_MOST_LABELS, _ROWS_OF_LABEL = 100, 5
_MOST_CHOICES, _ROWS_OF_CHOICE, _ARE_CHOICES = 20, 10, 0.8
_FEWEST, _USUAL = 3, 30  # rows of a class that is too rare, where the median class has that many


class _Labels(NamedTuple):
    """of_row: the class of each row, NONE without one. spelled: the spelling of each row. names: of classes, spellings."""

    of_row: NDArray[np.int64]
    spelled: NDArray[np.int64]
    names: list[str]
    spellings: list[str]


def label_check(ready: Ready) -> CheckScore:
    """Rows without a label, spelled differently, of a class that hardly exists, or with two labels for one request."""
    labels = _labels_of(ready)
    if labels is None:
        return ready.skipped(
            "label", "no column is a class label, and the answers are no choices; `label` in the configuration names one"
        )
    found = [*_unlabelled(ready, labels), *_misspelled(ready, labels), *_rare(ready, labels), *_contradicting(ready, labels)]
    bad = np.zeros(ready.rows, np.bool_)
    for mask, _ in found:
        bad |= mask
    beyond, crowd = _crowded(ready, labels)
    findings = sorted((finding for _, finding in found), key=lambda finding: -finding.rows)
    classes = len(labels.names)
    return ready.scored("label", ready.share(bad) + beyond, [*findings, *crowd], note=f"{classes} classes")


def _labels_of(ready: Ready) -> _Labels | None:
    tally, column = ready.tally, ready.config.label
    if column == "":
        return None
    label = ready.numbers["label"].astype(np.int64)
    if column and not (label >= 0).any():
        raise DatasetError(f"label: no row has a label in the column {column!r}")
    if 2 * int((label != NONE).sum()) >= ready.rows or column:
        labels = _classes(label, tally.labels)
        few = len(labels.names) <= _MOST_LABELS and len(labels.names) * _ROWS_OF_LABEL <= ready.rows
        if column or (few and not (label == TOO_MANY).any()):
            return labels
    choice = ready.numbers["choice"].astype(np.int64)
    if int((choice >= 0).sum()) < _ARE_CHOICES * ready.rows:
        return None
    labels = _classes(choice, tally.choices)
    return labels if 2 <= len(labels.names) <= min(_MOST_CHOICES, ready.rows // _ROWS_OF_CHOICE) else None


def _classes(spelled: NDArray[np.int64], values: Values) -> _Labels:
    spellings = list(values.known)
    classes: dict[str, int] = {}
    of_spelling = np.array([classes.setdefault(_plain(each), len(classes)) for each in spellings] or [0], np.int64)
    of_row = np.where(spelled >= 0, of_spelling[np.maximum(spelled, 0)], NONE)
    return _Labels(of_row, spelled, list(classes), spellings)


def _plain(spelling: str) -> str:
    """Return a label without what two spellings of it may differ in."""
    return " ".join(spelling.casefold().replace("_", " ").replace("-", " ").split()).strip(" .!\"'") or spelling


_Found = list[tuple[Mask, Finding]]


def _unlabelled(ready: Ready, labels: _Labels) -> _Found:
    rows = labels.of_row == NONE
    return [(rows, ready.finding("no_label", "without a label", rows, asked_and_answered))] if rows.any() else []


def _misspelled(ready: Ready, labels: _Labels) -> _Found:
    """Return the rows whose label is mostly spelled in another way."""
    counts = np.bincount(labels.spelled[labels.spelled >= 0], minlength=len(labels.spellings))
    ways: dict[str, list[int]] = {}
    for number, spelling in enumerate(labels.spellings):
        ways.setdefault(_plain(spelling), []).append(number)
    found: _Found = []
    for numbers in ways.values():
        usual = min(numbers, key=lambda number: (-counts[number], labels.spellings[number]))
        for number in sorted(numbers, key=lambda number: labels.spellings[number]):
            if number != usual:
                rows = labels.spelled == number
                text = f"with the label {labels.spellings[number]!r}, which others spell {labels.spellings[usual]!r}"
                found.append((rows, ready.finding("spelling", text, rows, asked_and_answered)))
    return found


def _rare(ready: Ready, labels: _Labels) -> _Found:
    counts = np.bincount(labels.of_row[labels.of_row >= 0], minlength=len(labels.names))
    if np.median(counts) < _USUAL:
        return []
    rows = np.isin(labels.of_row, np.flatnonzero(counts < _FEWEST))
    text = f"of a class with fewer than {_FEWEST} rows"
    return [(rows, ready.finding("rare", text, rows, _labelled(ready)))] if rows.any() else []


def _contradicting(ready: Ready, labels: _Labels) -> _Found:
    """Return the rows whose request is there again with another label."""
    order = np.lexsort((labels.of_row, ready.numbers["request"]))
    request, label = ready.numbers["request"][order], labels.of_row[order]
    other = (request[1:] == request[:-1]) & (label[1:] != label[:-1]) & (label[:-1] != NONE)
    again = np.unique(request[1:][other])
    rows = np.isin(ready.numbers["request"], again) & (ready.numbers["request"] != 0)
    text = "with a request that has another label elsewhere"
    return [(rows, ready.finding("contradiction", text, rows, _labelled(ready)))] if rows.any() else []


def _crowded(ready: Ready, labels: _Labels) -> tuple[float, list[Finding]]:
    """Return the share of rows that the largest class has too many."""
    counts = np.bincount(labels.of_row[labels.of_row >= 0], minlength=len(labels.names))
    whole, largest = int(counts.sum()), int(counts.max(initial=0))
    beyond = largest / whole - ready.config.largest_class if whole else 0.0
    if beyond <= 0 or len(labels.names) < 2:
        return 0.0, []
    text = f"{largest / whole:.1%} of the rows have the label {labels.names[int(counts.argmax())]!r}"
    return beyond, [Finding("largest_class", text, 0)]


def _labelled(ready: Ready) -> Callable[[Kept], str]:
    def show(kept: Kept) -> str:
        label = label_in(kept.fields, ready.config.label)
        return f"{label}: {asked_and_answered(kept)}" if label else asked_and_answered(kept)

    return show
