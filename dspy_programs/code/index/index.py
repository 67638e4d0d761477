"""A folder's code, in SQLite's full-text index: found by words, by name, by what refers to what.

Guarantees the index follows the folder: only files whose size or time has changed are read, and only those whose content has
           are parsed. A process that is killed leaves an index of whole files, which the next one completes; two at once both
           end with the same index.
Raises     UsageError for a folder or an index that cannot be used.
"""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from dspy_programs.code.files.source_files import LeftOut, checked_folder, named_file, source_files
from dspy_programs.code.index.reading import Read, read_source
from dspy_programs.code.index.storing import forget, keep
from dspy_programs.code.index.tables import KNOWN_FILES, SCHEMA
from dspy_programs.code.kept_files import index_file
from dspy_programs.code.parsing.grammar_symbols import grammars_are_here
from dspy_programs.code.parsing.symbol import Symbol
from dspy_programs.database import Database

_AT_ONCE = 2_000_000  # bytes of text between two commits
_IF_DAMAGED = "a damaged index may be deleted: the next command makes it anew"

Progress = Callable[[int, int], None]


class Definition(NamedTuple):
    """A definition somewhere in the folder. path: relative to the folder; line, end_line: from 1, the last one included."""

    path: str
    symbol: Symbol
    signature: str


@dataclass
class Refreshed:
    """What bringing an index up to date did. Counts of files; seconds of the whole."""

    files: int = 0
    lines: int = 0
    read: int = 0
    """New or changed, and indexed anew."""
    forgotten: int = 0
    left_out: LeftOut = field(default_factory=LeftOut)
    """Why files of the folder are not in the index, and how many."""
    by_lines: LeftOut = field(default_factory=LeftOut)
    """Languages whose files were cut into lines, not definitions; "" for texts in none."""
    too_slow: int = 0
    """Files that were cut into lines, because their grammar took too long."""
    seconds: float = 0.0


class Index:
    """The index of one folder, or of one file. Open it, refresh() it, and search it (`search`)."""

    def __init__(self, folder: str | Path = ".", db: str | Path | None = None, *, only: str = "") -> None:
        """Open the index, or begin one.

        Args:
            folder: Whose text files are indexed.
            db: The file of the index; by default one in the user's cache, outside of the folder.
            only: The name of the one file in the folder that is indexed; "" for all.
        """
        self.folder, self.only = checked_folder(Path(folder)), only
        self.file = Path(db) if db else index_file(self.folder)
        self.database = Database(self.file, "index of code", SCHEMA, ["files", "symbols", "places"], _IF_DAMAGED)

    def close(self) -> None:
        self.database.close()

    def refresh(self, progress: Progress | None = None) -> Refreshed:
        """Read what is new or has changed, forget what is gone, and say what was done."""
        began, done = time.monotonic(), Refreshed()
        own = [self.file, *(self.file.with_name(self.file.name + end) for end in ("-wal", "-shm", "-journal"))]
        found_now = [named_file(self.folder, self.only)] if self.only else source_files(self.folder, done.left_out, own)
        present = {found.path: found for found in found_now}
        known = {row["path"]: row for row in self.database.rows(KNOWN_FILES, (grammars_are_here(),))}
        gone = [row["id"] for path, row in known.items() if path not in present]
        if gone:
            with self.database.together():
                forget(self.database, gone)
        done.forgotten = len(gone)
        stale = [
            found
            for path, found in present.items()
            if path not in known or tuple(known[path])[2:4] != (found.size, found.changed) or known[path]["again"]
        ]
        batch: list[Read] = []
        size = 0
        for number, found in enumerate(stale):
            if progress:
                progress(number, len(stale))
            before = known.get(found.path)
            one = read_source(self.folder, found, before["digest"] if before else None)
            batch.append(one)
            done.read += one.is_new
            size += found.size
            if size > _AT_ONCE:
                keep(self.database, batch)
                batch, size = [], 0
        keep(self.database, batch)
        self._count(done)
        done.seconds = time.monotonic() - began
        return done

    def _count(self, done: Refreshed) -> None:
        counted = "SELECT language, read_by, why, count(*) AS files, sum(lines) AS lines FROM files GROUP BY 1, 2, 3"
        for row in self.database.rows(counted):
            if row["why"]:
                done.left_out[row["why"]] += row["files"]
                continue
            done.files += row["files"]
            done.lines += row["lines"]
            if row["read_by"] == "lines":
                done.by_lines[row["language"]] += row["files"]
            done.too_slow += row["files"] if row["read_by"] == "too slow" else 0

    def definitions(self, name: str = "", path: str = "") -> list[Definition]:
        """Return the definitions whose dotted name ends with `name`, in the order of files and lines.

        Args:
            name: `Session.send`, `send` for any of that name, `web.client.Session.send` with the file; "" for all of them.
            path: Only of this file.
        """
        last = name.rpartition(".")[2]
        rows = self.database.rows(
            "SELECT path, name, kind, line, head, end_line, nested, signature FROM symbols JOIN files ON files.id = file "
            "WHERE (? = '' OR last = ?) AND (? = '' OR path = ?) ORDER BY path, head",
            (last, last, path, path),
        )
        found = [Definition(row["path"], _symbol(row), row["signature"]) for row in rows]
        return [one for one in found if not name or is_named(one.path, one.symbol, name)]


def is_named(path: str, symbol: Symbol, name: str) -> bool:
    """Return whether a name is the end of a definition's dotted name, which begins with its file: web.client.Session.send."""
    module = PurePosixPath(path).with_suffix("").as_posix().removesuffix("/__init__").replace("/", ".")
    return f".{module}.{symbol.name}".endswith(f".{name}")


def _symbol(row: sqlite3.Row) -> Symbol:
    return Symbol(row["name"], row["kind"], row["line"], row["head"], row["end_line"], bool(row["nested"]))
