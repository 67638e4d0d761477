"""A SQLite file of one's own: its tables, its rights, and one-line errors.

Guarantees readers never wait for a writer (WAL); only the owner can read the file; a statement that fails changes nothing.
           A file of an older version is brought to today's schema when it is opened.
Raises     UsageError if the file cannot be opened, read or written: a full disk, a missing right, another kind of file, one
           that a newer version has made.
"""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from dspy_programs.errors import UsageError

IN_MEMORY = Path(":memory:")
_WAIT_SECONDS = 10.0


class Database:
    """One connection, for several threads."""

    def __init__(self, path: Path, holds: str, schema: Sequence[str], tables: Collection[str], advice: str = "") -> None:
        """Open a file, or make it.

        Args:
            path: Of the file; IN_MEMORY for none.
            holds: What is in it, in a word, for errors: "sessions".
            schema: The n-th makes schema n + 1 of schema n.
            tables: Some that any such file has; another file with tables is refused.
            advice: What to do about a damaged file, for errors.
        """
        self.path, self.holds, self.schema, self.tables, self.advice = path, holds, schema, tables, advice
        self._lock = threading.RLock()
        try:
            if path != IN_MEMORY:
                path.parent.mkdir(0o700, parents=True, exist_ok=True)
                with contextlib.suppress(FileExistsError):
                    os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
            self._file = sqlite3.connect(path, timeout=_WAIT_SECONDS, check_same_thread=False, isolation_level=None)
            self._file.row_factory = sqlite3.Row
            self._migrate()
        except (OSError, sqlite3.Error) as error:
            raise self._refusal(error) from error

    def _migrate(self) -> None:
        """Bring the file to today's schema, as a whole or not at all."""
        (found,) = self._file.execute("PRAGMA user_version").fetchone()
        held = {row["name"] for row in self._file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if found > len(self.schema):
            known = f"schema {found}; this one knows {len(self.schema)}"
            raise UsageError(f"{self.path}: made by a newer version ({known}): update dspy-programs, or name another file")
        if held and not held.issuperset(self.tables):
            raise UsageError(f"{self.path}: holds something else than {self.holds}; name another file")
        self._write_ahead()
        self._file.execute("PRAGMA synchronous=NORMAL")
        if found == len(self.schema):
            return
        with self.together():
            (found,) = self._file.execute("PRAGMA user_version").fetchone()  # another process may have done it meanwhile
            for number in range(found, len(self.schema)):
                for statement in _statements(self.schema[number]):
                    self._file.execute(statement)
                self._file.execute(f"PRAGMA user_version={number + 1}")

    def _write_ahead(self) -> None:
        """Switch to a write-ahead log. While another process begins the same file, SQLite refuses this without waiting."""
        until = time.monotonic() + _WAIT_SECONDS
        while True:
            try:
                self._file.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def write(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run one statement, which is on file when this returns; return the number of the new row."""
        with self._lock:
            try:
                return self._file.execute(statement, values).lastrowid or 0
            except (sqlite3.Error, UnicodeEncodeError) as error:
                raise self._refusal(error) from error

    def write_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row."""
        with self._lock:
            try:
                self._file.executemany(statement, rows)
            except (sqlite3.Error, UnicodeEncodeError) as error:
                raise self._refusal(error) from error

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        with self._lock:
            try:
                return self._file.execute(statement, values).fetchall()
            except (sqlite3.Error, UnicodeEncodeError) as error:
                raise self._refusal(error) from error

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Make the writes of a block one: all of them, or none."""
        with self._lock:
            if self._file.in_transaction:  # the outer block's
                yield
                return
            self.write("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                with contextlib.suppress(UsageError):
                    self.write("ROLLBACK")
                raise
            self.write("COMMIT")

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def _refusal(self, error: Exception) -> UsageError:
        if isinstance(error, UnicodeEncodeError):
            return UsageError(f"{error.object!r}: no text, so it is not in the {self.holds}; write it in UTF-8")
        then = f"; {self.advice}" if self.advice and not isinstance(error, OSError | sqlite3.OperationalError) else ""
        said = getattr(error, "strerror", None) or error
        return UsageError(f"{self.path}: the {self.holds} cannot be read or written: {said}{then}")


def _statements(script: str) -> Iterator[str]:
    """Cut a script into its statements: SQLite's own way to run one would end the transaction around it."""
    statement = ""
    for part in script.split(";"):
        statement += f"{part};"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
