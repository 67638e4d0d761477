"""The SQLite file of all sessions: its tables, its rights, and one-line errors.

Guarantees readers never wait for a writer (WAL); only the owner can read the file; a statement that fails changes nothing.
           A file of an older version is brought to today's schema when it is opened.
Raises     UsageError if the file cannot be opened, read or written: a full disk, a missing right, another kind of file, one
           that a newer version has made.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dspy_programs.errors import UsageError

IN_MEMORY = Path(":memory:")
_WAIT_SECONDS = 10.0
_FIRST = """
CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, goal TEXT, created REAL, updated REAL, status TEXT);
CREATE TABLE IF NOT EXISTS state (session TEXT, name TEXT, value TEXT, PRIMARY KEY (session, name));
CREATE TABLE IF NOT EXISTS tasks (session TEXT, id TEXT, task TEXT, PRIMARY KEY (session, id));
CREATE TABLE IF NOT EXISTS messages (n INTEGER PRIMARY KEY, session TEXT, task TEXT, turn TEXT);
CREATE TABLE IF NOT EXISTS calls
    (n INTEGER PRIMARY KEY, session TEXT, task TEXT, tool TEXT, arguments TEXT, result TEXT, started REAL, ended REAL);
CREATE TABLE IF NOT EXISTS events (n INTEGER PRIMARY KEY, session TEXT, event TEXT);
CREATE TABLE IF NOT EXISTS notes (n INTEGER PRIMARY KEY, session TEXT, text TEXT, at REAL);
CREATE INDEX IF NOT EXISTS messages_of ON messages (session, task);
CREATE INDEX IF NOT EXISTS calls_of ON calls (session);
CREATE INDEX IF NOT EXISTS events_of ON events (session);
CREATE INDEX IF NOT EXISTS notes_of ON notes (session);
"""
_MIGRATIONS = (_FIRST,)
"""What makes schema n + 1 of schema n. Append to it, and change none. Files made before there were numbers have the first."""
OF_FOLDER = "id IN (SELECT session FROM state WHERE name = 'workspace' AND value = ?)"  # conditions on a session
OF_OWNER = "coalesce((SELECT value FROM state WHERE session = id AND name = 'owner'), 'null') = ?"
TABLES = ("state", "tasks", "messages", "calls", "events", "notes")  # with a column `session`


class Database:
    """One connection, for several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
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
        """Bring the file to today's schema, each step whole or not at all."""
        (found,) = self._file.execute("PRAGMA user_version").fetchone()
        held = {row["name"] for row in self._file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if found > len(_MIGRATIONS):
            known = f"schema {found}; this one knows {len(_MIGRATIONS)}"
            raise UsageError(f"{self.path}: made by a newer version ({known}): update dspy-programs, or name another file")
        if held and not held.issuperset(TABLES):
            raise UsageError(f"{self.path}: holds something else than sessions; name another file")
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("PRAGMA synchronous=NORMAL")
        for number in range(found, len(_MIGRATIONS)):
            self._file.executescript(f"BEGIN IMMEDIATE; {_MIGRATIONS[number]} PRAGMA user_version={number + 1}; COMMIT;")

    def write(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run one statement, which is on file when this returns; return the number of the new row."""
        with self._lock:
            try:
                return self._file.execute(statement, values).lastrowid or 0
            except sqlite3.Error as error:
                raise self._refusal(error) from error

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        with self._lock:
            try:
                return self._file.execute(statement, values).fetchall()
            except sqlite3.Error as error:
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
        return UsageError(f"{self.path}: the sessions cannot be read or written: {getattr(error, 'strerror', None) or error}")
