"""Shared code for all transfer rows: from a source other than the program's own, in two halves that share nothing.

`transfer_val` is for choosing between candidates, `transfer_test` is read once per reported number. A program's
module `<name>_transfer.py` has a `TRANSFER` that tells which folders it reads and how.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dspy_programs.errors import DatasetError
from dspy_programs.text import jaccard, words

HALVES = ("transfer_val", "transfer_test")
LARGEST_OVERLAP = 0.5  # of the words of two texts (Jaccard), as between the program's own splits

Row = dict[str, Any]
Splits = Mapping[str, list[Row]]


class Transfer(NamedTuple):
    """folders: what must be in the raw folder; build: (raw folder, the program's own splits) -> rows of both halves."""

    folders: tuple[str, ...]
    build: Callable[[Path, Splits], dict[str, list[Row]]]

    def missing(self, raw: Path) -> list[str]:
        return [folder for folder in self.folders if not (raw / folder).is_dir()]


def unlike(rows: Iterable[Row], own: Splits, text: Callable[[Row], str]) -> list[Row]:
    """Omit every row whose text shares most of its words with one of the program's own rows or an earlier one."""
    kept = []
    seen = list({frozenset(words(text(row))) for split in own.values() for row in split})
    for row in rows:
        bag = frozenset(words(text(row)))
        if all(jaccard(bag, other) <= LARGEST_OVERLAP for other in seen):
            kept.append(row)
            seen.append(bag)
    return kept


def most_of_each(rows: Iterable[Row], key: Callable[[Row], Hashable], most: int) -> list[Row]:
    """Keep the first `most` rows of each key."""
    counts: dict[Hashable, int] = {}
    kept = []
    for row in rows:
        counts[key(row)] = counts.get(key(row), 0) + 1
        if counts[key(row)] <= most:
            kept.append(row)
    return kept


def checked(halves: dict[str, list[Row]], raw: Path) -> dict[str, list[Row]]:
    """Refuse a half without rows."""
    if empty := [half for half, rows in halves.items() if not rows]:
        raise DatasetError(f"{raw}: no rows for {' and '.join(empty)}; its files are not those that the card names")
    return halves
