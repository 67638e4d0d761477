"""Judgments, labels and pairs joined by pair, in memory that does not grow: SQLite's temporary file holds them.

Guarantees the last line of a pair counts, in every file; the database is deleted when it is closed.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from dspy_programs.data.judging.judgments_file import read_judgments
from dspy_programs.data.labels.label import BY_JUDGE
from dspy_programs.data.labels.store import LabelStore
from dspy_programs.data.pair import DataPair

_TABLES = """
CREATE TABLE judgments (tag TEXT, pair_id TEXT, passed INTEGER, overall REAL, PRIMARY KEY (pair_id, tag)) WITHOUT ROWID;
CREATE TABLE labels (pair_id TEXT PRIMARY KEY, status TEXT, edited INTEGER) WITHOUT ROWID;
CREATE TABLE pairs (pair_id TEXT PRIMARY KEY, slice TEXT) WITHOUT ROWID;
"""
_INTO = {
    "judgments": "INSERT OR REPLACE INTO judgments VALUES (?, ?, ?, ?)",
    "pairs": "INSERT OR REPLACE INTO pairs VALUES (?, ?)",
    "labels": (
        "INSERT INTO labels VALUES (?, ?, ?) ON CONFLICT (pair_id) "
        "DO UPDATE SET status = excluded.status, edited = coalesce(excluded.edited, edited)"
    ),
}
EDITED = "edited"  # a status here: what was judged is not what people approved or rejected
_LABELLED = f"""
SELECT pair_id, passed, overall, CASE WHEN edited THEN '{EDITED}' ELSE status END, coalesce(nullif(slice, ''), '(none)')
FROM judgments JOIN labels USING (pair_id) LEFT JOIN pairs USING (pair_id) WHERE tag = ? AND status IS NOT NULL ORDER BY pair_id
"""


class Labelled(NamedTuple):
    """A pair that has both. overall: from 0 to 10; slice: its category."""

    pair_id: str
    passed: bool
    overall: float
    status: str
    slice: str


class Judges(NamedTuple):
    """Who made the judgments of a file; None where several did."""

    judge_model: str | None
    rubric: str | None
    digest: str | None


class LabelsRead(NamedTuple):
    """by_judge: lines of labels that judgments made, and that were left out; broken: lines that a kill cut off."""

    by_judge: int
    broken: int


class Joined:
    """Use as a context manager."""

    def __enter__(self) -> "Joined":
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.executescript(_TABLES)
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add_judgments(self, tag: str, path: Path) -> Judges:
        seen: set[Judges] = set()

        def rows() -> Iterator[tuple[str, str, int, float]]:
            for each in read_judgments(path):
                if len(seen) < 2:
                    seen.add(Judges(each.judge_model, f"{each.rubric.name} {each.rubric.version}".strip(), each.judge))
                yield tag, each.pair_id, each.passed, each.overall

        self._insert("judgments", rows())
        return seen.pop() if len(seen) == 1 else Judges(None, None, None)

    def add_labels(self, path: Path, any_labeler: bool = False) -> LabelsRead:
        """Add what people said; with any_labeler also what was derived from judgments."""
        by_judge, store = 0, LabelStore(path)

        def rows() -> Iterator[tuple[str, str | None, bool | None]]:
            nonlocal by_judge
            for each in store.lines():
                if each.labeler == BY_JUDGE and not any_labeler:
                    by_judge += 1
                else:
                    yield each.pair_id, each.status, None if each.edit is None else bool(each.edit)

        self._insert("labels", rows())
        return LabelsRead(by_judge, store.broken)

    def add_pairs(self, pairs: Iterable[DataPair]) -> None:
        self._insert("pairs", ((each.identified().id, each.category) for each in pairs))

    def labelled(self, tag: str) -> Iterator[Labelled]:
        for pair_id, passed, overall, status, slice_ in self._file.execute(_LABELLED, (tag,)):
            yield Labelled(pair_id, bool(passed), overall, status, slice_)

    def judged(self, tag: str) -> tuple[int, int, float]:
        """Return how many pairs have a judgment, how many passed, and the mean score from 0 to 10."""
        asked = "SELECT count(*), coalesce(sum(passed), 0), coalesce(avg(overall), 0) FROM judgments WHERE tag = ?"
        count, passed, mean = self._file.execute(asked, (tag,)).fetchone()
        return count, passed, mean

    def passed_by_slice(self, tag: str) -> Iterator[tuple[str, int, int]]:
        """Yield each category with how many of its pairs were judged, and how many passed."""
        asked = (
            "SELECT coalesce(nullif(slice, ''), '(none)') AS name, count(*), sum(passed) "
            "FROM judgments JOIN pairs USING (pair_id) WHERE tag = ? GROUP BY name ORDER BY name"
        )
        yield from self._file.execute(asked, (tag,))

    def common(self, tags: list[str]) -> Iterator[tuple[tuple[bool, float], ...]]:
        """Yield, for each pair that all tags judged, (passed, overall) of each."""
        columns = ", ".join(f"j{place}.passed, j{place}.overall" for place in range(len(tags)))
        joins = " ".join(
            f"JOIN judgments j{place} ON j{place}.pair_id = j0.pair_id AND j{place}.tag = ?" for place in range(1, len(tags))
        )
        asked = f"SELECT {columns} FROM judgments j0 {joins} WHERE j0.tag = ? ORDER BY j0.pair_id"
        for row in self._file.execute(asked, [*tags[1:], tags[0]]):
            yield tuple((bool(row[place]), row[place + 1]) for place in range(0, len(row), 2))

    def _insert(self, table: str, rows: Iterable[tuple[object, ...]]) -> None:
        self._file.execute("BEGIN")
        self._file.executemany(_INTO[table], rows)
        self._file.execute("COMMIT")
