"""Where a bus keeps what it has: values by key, and streams that are only appended to.

SQLite (the default), RedDB over HTTP, or memory: all answer to `Storage`.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from dspy_programs.code.kept_files import events_file
from dspy_programs.errors import UsageError

BACKENDS = ("auto", "sqlite", "reddb", "none")


class Entry(NamedTuple):
    """offset: grows from entry to entry of a stream."""

    stream: str
    offset: int
    value: Any


class Stream(NamedTuple):
    """entries: kept now, with their size in bytes; appended, dropped: ever."""

    name: str
    entries: int
    bytes: int
    appended: int
    dropped: int


@dataclass
class Batch:
    """What is written at once. Values are JSON.

    expected: keys whose values must still be these, None for none; else nothing is written. counts: added to counters.
    """

    expected: Mapping[str, Any] = field(default_factory=dict)
    puts: Mapping[str, Any] = field(default_factory=dict)
    appends: Sequence[tuple[str, Any]] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


class Storage(Protocol):
    """Raises UsageError where it cannot be reached, read or written."""

    @property
    def place(self) -> str:
        """Where it is, for people."""

    def get(self, key: str) -> Any:
        """Return a value, None if there is none."""

    def write(self, batch: Batch) -> bool:
        """Write all of a batch, or nothing; return whether what it expected was there."""

    def read(self, stream: str, after: int = 0, most: int = 1_000) -> list[Entry]:
        """Return the first entries after an offset."""

    def last(self, stream: str, most: int = 1_000) -> list[Entry]:
        """Return the latest entries, the oldest first."""

    def search(self, words: str, most: int = 100, streams: Sequence[str] = ()) -> list[Entry]:
        """Return entries that have all these words, the best first; streams: only of these, of all without."""

    def streams(self) -> list[Stream]: ...

    def counts(self) -> dict[str, int]: ...

    def close(self) -> None: ...


def opened_storage(
    db: str | Path | None = None,
    *,
    keep_entries: int = 100_000,
    keep_megabytes: int = 200,
    environment: Mapping[str, str] = os.environ,
) -> Storage:
    """Open what is named. Raises UsageError.

    Args:
        db: A SQLite file; "reddb" for the server of REDDB_URL; "none" for memory; "auto" for RedDB where REDDB_URL is set, and
            else a file in your cache. By default what DB_BACKEND names, else "auto".
        keep_entries: At most so many are kept of all streams.
        keep_megabytes: Their largest total size, in megabytes.
        environment: Has REDDB_URL, REDDB_NAMESPACE, REDDB_TOKEN, DB_BACKEND.

    Returns:
        The storage.
    """
    from dspy_programs.code.log_bus.sqlite_storage import SqliteStorage
    from dspy_programs.database import IN_MEMORY

    named = str(db if db is not None else environment.get("DB_BACKEND") or "auto")
    url = environment.get("REDDB_URL", "")
    if named == "reddb" or (named == "auto" and url):
        from dspy_programs.code.log_bus.reddb_storage import RedDBStorage

        if not url:
            raise UsageError("RedDB: no address; set REDDB_URL to that of its server, or give --db a file")
        return RedDBStorage(url, environment.get("REDDB_NAMESPACE") or "dspy", environment.get("REDDB_TOKEN") or "")
    if db is None and named not in BACKENDS:
        raise UsageError(f"DB_BACKEND={named}: choose one of {', '.join(BACKENDS)}; --db names a file")
    path = IN_MEMORY if named == "none" else events_file(environment) if named in BACKENDS else Path(named)
    return SqliteStorage(path, keep_entries, keep_megabytes * 1_000_000)
