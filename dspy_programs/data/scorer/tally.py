"""Reads a data set once and keeps a few numbers of each row: what all checks and statistics are made of.

Memory     8 bytes a row while it reads, about 200 while near duplicates are looked for; the numbers and the rows themselves
           are on the disk (numbers.py, kept_rows.py).
Guarantees no number depends on the order of the rows, but for which rows are shown as examples.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from dspy_programs.data.checks.checker import document_of
from dspy_programs.data.checks.dedup import content_key
from dspy_programs.data.checks.growing_numbers import Growing
from dspy_programs.data.checks.minhash import BANDS, bands_of
from dspy_programs.data.checks.near_dup import key_of
from dspy_programs.data.checks.word_hashes import words_of
from dspy_programs.data.pair import DataPair
from dspy_programs.data.scorer.config import ScorerConfig
from dspy_programs.data.scorer.faults import faults_of
from dspy_programs.data.scorer.kept_rows import KeptRows
from dspy_programs.data.scorer.language_sample import LanguageSample
from dspy_programs.data.scorer.numbers import number_of
from dspy_programs.data.scorer.shapes import Shapes
from dspy_programs.data.scorer.values import NONE, Values, label_in, short_answer
from dspy_programs.data.scorer.view import ASKED, FORMATS, IDS, View, text_of, view_of
from dspy_programs.tables import Fault, Found, Row

_BATCH = 2048  # rows whose words are hashed at once
_OPENING = 5  # words
_LONG_ANSWER = 80  # characters; shorter ones may well be the same
_LONGEST_DOCUMENT = 200_000  # characters that count for near duplicates
_LARGEST = 2**32 - 1

_KINDS: dict[str, type[np.generic]] = {
    "digest": np.uint64,  # of all that is trained on; rows of one digest are duplicates
    "request": np.uint64,  # of what is asked and given
    "answer": np.uint64,  # of an answer of some length, else 0
    "opening": np.uint64,  # of the first words of the request, else 0
    "id": np.uint64,  # of the row's own id, else 0
    "faults": np.uint32,
    "format": np.int8,
    "shape": np.int32,
    "label": np.int32,
    "choice": np.int32,
    "characters": np.uint32,
    "answer_characters": np.uint32,
}


class Unreadable(NamedTuple):
    where: str
    reason: str
    text: str


@dataclass
class Tally:
    """numbers: a column per name in _KINDS. bands: for near duplicates. openings: some, by their number, to show one."""

    kept: KeptRows
    rows: int = 0
    unreadable: int = 0
    first_unreadable: list[Unreadable] = field(default_factory=list)
    formats: Counter[str] = field(default_factory=Counter)
    shapes: Shapes = field(default_factory=Shapes)
    labels: Values = field(default_factory=Values)
    choices: Values = field(default_factory=Values)
    languages: LanguageSample = field(default_factory=LanguageSample)
    numbers: dict[str, Growing] = field(default_factory=lambda: {name: Growing(kind) for name, kind in _KINDS.items()})
    bands: list[Growing] = field(default_factory=lambda: [Growing(np.uint32) for _ in range(BANDS)])

    @property
    def format(self) -> str:
        """The format of most rows."""
        return min(self.formats, key=lambda name: (-self.formats[name], name), default="generic")


class Taker:
    """Takes the rows of a data set into a tally. named: what names a language, None without the package for it."""

    def __init__(self, tally: Tally, config: ScorerConfig, tokens: Callable[[str], int], named: Any = None) -> None:
        self.tally, self.config, self.tokens = tally, config, tokens
        tally.languages.named = named
        self._pairs: list[DataPair] = []
        self._batch: list[dict[str, int]] = []

    def take(self, found: Iterable[Found], examples: int = 5) -> None:
        """Take all rows. examples: how many unreadable ones are kept to show."""
        for each in found:
            if isinstance(each, Fault):
                self.tally.unreadable += 1
                if len(self.tally.first_unreadable) < examples:
                    self.tally.first_unreadable.append(Unreadable(each.where, each.reason, each.text))
            else:
                self._take_row(each if not self.config.ignore else _without(each, self.config.ignore))
        self._flush()

    def _take_row(self, row: Row) -> None:
        tally, view = self.tally, view_of(row.fields)
        pair = view.as_pair()
        digest = _digest_of(view, pair, row)
        tally.kept.add(row.where, row.fields)
        tally.formats[view.format] += 1
        tally.languages.add(tally.rows, digest, view)
        label = label_in(row.fields, self.config.label)
        self._pairs.append(pair)
        self._batch.append(
            {
                "digest": digest,
                "request": number_of(f"{view.system}\n{view.asked}\n{view.given}"),
                "answer": number_of(view.answered) if len(view.answered) >= _LONG_ANSWER else 0,
                "opening": number_of(opening_of(view.asked)),
                "id": _id_in(row.fields),
                "faults": faults_of(view, self.config, self.tokens),
                "format": FORMATS.index(view.format),
                "shape": tally.shapes.number_of(row.fields),
                "label": NONE if label is None else tally.labels.number_of(label),
                "choice": NONE if (choice := short_answer(view.answered)) is None else tally.choices.number_of(choice),
                "characters": min(len(view.whole()), _LARGEST),
                "answer_characters": min(len(view.answered.strip()), _LARGEST),
            }
        )
        tally.rows += 1
        if len(self._batch) == _BATCH:
            self._flush()

    def _flush(self) -> None:
        if not self._batch:
            return
        for name, growing in self.tally.numbers.items():
            growing.add([row[name] for row in self._batch])
        words = words_of([document_of(pair)[:_LONGEST_DOCUMENT] for pair in self._pairs])
        bands = bands_of(words, np.array([key_of(pair) for pair in self._pairs], np.uint64))
        for growing, band in zip(self.tally.bands, bands, strict=True):
            growing.add(band.copy())
        self._batch.clear()
        self._pairs.clear()


def opening_of(asked: str) -> str:
    """Return the first words of a request."""
    return " ".join(asked[:200].split()[:_OPENING])


def _digest_of(view: View, pair: DataPair, row: Row) -> int:
    """Return the number that duplicates share. Rows that ask and answer nothing miss something: they are no duplicates."""
    asks = any(name.lower() in ASKED for name in row.fields)
    if not view.whole().strip() or (asks and not view.asked.strip() and not view.answered.strip()):
        return number_of(row.where)
    return int.from_bytes(content_key(pair)[:8])


def _without(row: Row, names: list[str]) -> Row:
    return row._replace(fields={name: value for name, value in row.fields.items() if name not in names})


def _id_in(row: Mapping[str, Any]) -> int:
    name = next((name for name in row if name.lower() in IDS and row[name] is not None), None)
    return number_of(text_of(row[name])) if name else 0
