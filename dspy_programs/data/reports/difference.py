"""What changed between two data sets: pairs that came, that went, and that are not the same as before.

Rule       a pair that both have, all its content the same, is unchanged, however often and in whatever order. Of the rest, two
           with the same id, or else the same instruction, input and context, are one pair that changed; of several that ask
           the same, the first changed into the first. What is left was removed or added.
Guarantees pairs are read as a stream; what is remembered of them is in a temporary file, which is deleted.
Raises     DatasetError for a line that is no pair.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal, NamedTuple

from dspy_programs.cli import Progress
from dspy_programs.data.pair import DataPair, content_of
from dspy_programs.data.pairs_file import pair_at, placed_pairs

What = Literal["removed", "added", "changed"]
_FIELDS = ("instruction", "input", "output", "context", "messages", "rejected", "tools")
_ABOUT = ("category", "difficulty", "metadata")
_OFTEN = 1000
_TABLE = "CREATE TABLE pairs (side INTEGER, place INTEGER, id BLOB, asked BLOB, content BLOB, about BLOB, mate INTEGER)"
_KEYS = ("content", "id", "asked")
_NUMBERED = "SELECT rowid AS row, {key} AS key, row_number() OVER (PARTITION BY {key} ORDER BY place) AS nth FROM pairs"
_MATCHED = (
    "CREATE TEMP TABLE matched AS WITH "
    f"before AS ({_NUMBERED} WHERE side = 0 AND mate IS NULL), after AS ({_NUMBERED} WHERE side = 1 AND mate IS NULL) "
    "SELECT before.row AS old, after.row AS new FROM before JOIN after USING (key, nth)"
)


class Change(NamedTuple):
    """A pair that is not as it was. fields: whose values differ; before, after: None where it is not there."""

    what: What
    fields: list[str]
    before: DataPair | None
    after: DataPair | None

    def as_line(self) -> bytes:
        pairs = {"before": self.before, "after": self.after}
        said = {name: pair.model_dump(mode="json", exclude_defaults=True) for name, pair in pairs.items() if pair}
        line = {"change": self.what, "fields": self.fields, **said}
        return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


class Difference:
    """Use as a context manager. about: of the unchanged pairs, how many have another category, difficulty or metadata."""

    def __init__(self, before: Path, after: Path) -> None:
        self.paths = (before, after)
        self.rows = [0, 0]
        self.unchanged = self.about = self.removed = self.added = self.changed = 0
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.execute(_TABLE)

    def __enter__(self) -> "Difference":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    @property
    def same(self) -> bool:
        return not (self.removed or self.added or self.changed)

    def counts(self) -> dict[str, int]:
        before, after = self.rows
        names = ("unchanged", "changed", "removed", "added", "about")
        return {"before": before, "after": after, **{name: getattr(self, name) for name in names}}

    def read(self, progress: Progress | None = None) -> None:
        """Read both files, and find which pair is which."""
        for side, path in enumerate(self.paths):
            self._file.execute("BEGIN")
            self._file.executemany("INSERT INTO pairs VALUES (?, ?, ?, ?, ?, ?, NULL)", self._rows(side, path, progress))
            self._file.execute("COMMIT")
        for key in _KEYS:
            self._match(key)
        one = "SELECT count(*) FROM pairs WHERE side = ? AND mate IS NULL"
        self.removed, self.added = (self._file.execute(one, (side,)).fetchone()[0] for side in (0, 1))
        self.changed = self.rows[0] - self.removed - self.unchanged

    def _rows(self, side: int, path: Path, progress: Progress | None) -> Iterator[tuple[object, ...]]:
        for place, pair in placed_pairs(path):
            self.rows[side] += 1
            if progress and self.rows[side] % _OFTEN == 0:
                progress(sum(self.rows), 0)
            asked = json.dumps([pair.instruction, pair.input, pair.context])
            about = json.dumps([getattr(pair, name) for name in _ABOUT], sort_keys=True)
            yield side, place, _digest(pair.identified().id), _digest(asked), _digest(content_of(pair)), _digest(about)

    def _match(self, key: str) -> None:
        self._file.execute(_MATCHED.format(key=key))
        if key == "content":
            self.unchanged = self._file.execute("SELECT count(*) FROM matched").fetchone()[0]
            differ = (
                "SELECT count(*) FROM matched JOIN pairs a ON a.rowid = old JOIN pairs b ON b.rowid = new "
                "WHERE a.about <> b.about"
            )
            self.about = self._file.execute(differ).fetchone()[0]
        self._file.execute("UPDATE pairs SET mate = matched.new FROM matched WHERE pairs.rowid = matched.old")
        self._file.execute("UPDATE pairs SET mate = matched.old FROM matched WHERE pairs.rowid = matched.new")
        self._file.execute("DROP TABLE matched")

    def changes(self, what: What) -> Iterator[Change]:
        """Yield the changes of a kind, in the order of the file."""
        if what == "changed":
            asked = (
                "SELECT a.place, b.place FROM pairs a JOIN pairs b ON b.rowid = a.mate "
                "WHERE a.side = 0 AND a.content <> b.content ORDER BY a.place"
            )
            with closing(self._file.execute(asked)) as found:
                for old, new in found:
                    before, after = pair_at(self.paths[0], old), pair_at(self.paths[1], new)
                    yield Change(what, _differing(before, after), before, after)
            return
        side = 0 if what == "removed" else 1
        with closing(
            self._file.execute("SELECT place FROM pairs WHERE side = ? AND mate IS NULL ORDER BY place", (side,))
        ) as found:
            for (place,) in found:
                pair = pair_at(self.paths[side], place)
                yield Change(what, [], *((pair, None) if side == 0 else (None, pair)))


def pairs_diff(before: Path, after: Path, progress: Progress | None = None) -> Difference:
    """Return what changed between two files of pairs; close it, or use it as a context manager."""
    found = Difference(before, after)
    try:
        found.read(progress)
    except BaseException:
        found.__exit__()
        raise
    return found


def _differing(before: DataPair, after: DataPair) -> list[str]:
    return [name for name in (*_FIELDS, *_ABOUT) if getattr(before, name) != getattr(after, name)]


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=12).digest()
