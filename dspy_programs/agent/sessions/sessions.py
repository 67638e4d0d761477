"""The sessions on file: new, list, show, open, fork, export, delete.

Guarantees a session is open in one process at a time, however the other ended: the lock is the operating system's; ids name
           their time and are never used again.
Raises     UsageError for an id that is none, RunLocked for a session that another process has open.
"""

import contextlib
import json
import os
import secrets
import time
from pathlib import Path
from typing import Any

import platformdirs
from filelock import FileLock, Timeout
from pydantic import BaseModel

from dspy_programs.agent.sessions.database import OF_FOLDER, OF_OWNER, TABLES, opened
from dspy_programs.agent.sessions.session import Session
from dspy_programs.database import IN_MEMORY
from dspy_programs.errors import RunLocked, UsageError

_FILE_VARIABLE = "DSPY_PROGRAMS_SESSIONS"  # moves the file


class Summary(BaseModel):
    """One session in a list. Times are in seconds since 1970."""

    id: str
    goal: str
    created: float
    updated: float
    status: str
    """running, done, or why it stopped; a session that was killed stays at running."""


def default_path() -> Path:
    chosen = os.environ.get(_FILE_VARIABLE)
    return Path(chosen) if chosen else platformdirs.user_data_path("dspy-programs") / "sessions.sqlite"


class Sessions:
    """All sessions in one file; by default the user's own."""

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = Path(path) if path is not None else default_path()
        self._database = opened(self.path)

    def new(self, goal: str = "", *, memory: bool = False) -> Session:
        """Begin a session and open it."""
        session_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
        now = time.time()
        self._database.write("INSERT INTO sessions VALUES (?, ?, ?, ?, 'new')", [session_id, goal, now, now])
        return self.open(session_id, memory=memory)

    def open(self, session_id: str = "last", *, memory: bool = False) -> Session:
        """Open a session for this process alone; "last" is the one that was used last."""
        session_id = self.summary(session_id).id
        if self.path == IN_MEMORY:
            return Session(self._database, session_id, memory=memory)
        lock = FileLock(self._lock_of(session_id), timeout=0, mode=0o600, thread_local=False)  # any thread may close it
        try:
            lock.acquire()
        except Timeout as error:
            raise RunLocked(f"session {session_id}: another process has it open; wait until that ends, or fork it") from error
        except OSError as error:
            raise UsageError(f"{self.path}: session {session_id} cannot be locked: {error.strerror or error}") from error
        return Session(self._database, session_id, memory=memory, on_close=lock.release)

    def list(self, workspace: Path | None = None, owner: str | None = None) -> list[Summary]:
        """Return the sessions, the one that was used last first.

        workspace: only those of runs in this folder, begun by this client of a server; None: begun by none of them.
        """
        of = f"WHERE {OF_FOLDER} AND {OF_OWNER}" if workspace else ""
        columns = "id, goal, created, updated, status"
        rows = self._database.rows(
            f"SELECT {columns} FROM sessions {of} ORDER BY updated DESC, rowid DESC",
            [json.dumps(value, ensure_ascii=False) for value in (str(workspace), owner)] if workspace else [],
        )
        return [Summary(**dict(row)) for row in rows]

    def summary(self, session_id: str = "last") -> Summary:
        known = self.list()
        found = known[:1] if session_id == "last" else [one for one in known if one.id == session_id]
        if not known:
            raise UsageError(f'{self.path}: there are no sessions yet; dspy-programs run "GOAL" begins one')
        if not found:
            raise UsageError(f"{self.path}: no session {session_id!r}; `dspy-programs sessions list` shows the ids")
        return found[0]

    def export(self, session_id: str = "last") -> dict[str, Any]:
        """Return all that is on file about a session, as JSON."""
        one = self.summary(session_id)
        shown = Session(self._database, one.id)
        return {
            **one.model_dump(),
            "tasks": [task.model_dump() for task in shown.tasks()],
            "calls": [
                {"task": past.task, **past.call.model_dump(), "result": past.result, "settled": past.result is not None}
                for past in shown.calls()
            ],
            "events": shown.events(),
            "notes": [row["text"] for row in self._database.rows("SELECT text FROM notes WHERE session = ?", [one.id])],
        }

    def fork(self, session_id: str = "last") -> str:
        """Copy a session as it is on file now; return the id of the copy."""
        one = self.summary(session_id)
        new = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
        with self._database.together():
            columns = "goal, created, updated, status"
            self._database.write(f"INSERT INTO sessions SELECT ?, {columns} FROM sessions WHERE id = ?", [new, one.id])
            for table in TABLES:
                names = [row["name"] for row in self._database.rows(f"PRAGMA table_info({table})")]
                copied = ", ".join(name for name in names if name not in ("session", "n"))
                order = "rowid" if table in ("state", "tasks") else "n"
                chosen = f"SELECT ?, {copied} FROM {table} WHERE session = ? ORDER BY {order}"
                self._database.write(f"INSERT INTO {table} (session, {copied}) {chosen}", [new, one.id])
        return new

    def delete(self, session_id: str) -> None:
        """Delete a session that no process has open."""
        self.open(session_id).close()
        with self._database.together():
            for table in TABLES:
                self._database.write(f"DELETE FROM {table} WHERE session = ?", [session_id])
            self._database.write("DELETE FROM sessions WHERE id = ?", [session_id])
        with contextlib.suppress(FileNotFoundError):
            self._lock_of(session_id).unlink()

    def close(self) -> None:
        self._database.close()

    def _lock_of(self, session_id: str) -> Path:
        return self.path.with_name(f".{self.path.name}.{session_id}.lock")
