"""What was changed in a folder, as it was before: on file before the first byte is written, so that a kill loses nothing.

Guarantees outside of the folder, readable by its owner only; one process changes a folder at a time, however another ended.
           The last 20 changes are kept.
Raises     UsageError if it cannot be read or written, or if another process is at it and does not end soon.
"""

import contextlib
import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from filelock import FileLock, Timeout

from dspy_programs.agent import Snapshot
from dspy_programs.code.changing.folder import Folder, Kept
from dspy_programs.code.kept_files import changes_file
from dspy_programs.database import Database
from dspy_programs.errors import UsageError
from dspy_programs.text import printable

State = Literal["writing", "working", "not kept", "killed", "done", "undone"]
"""Of a change. working: a run is under way; not kept: one in a folder that is too large; killed: such a run has ended so."""
_MOST = 20
_WAIT_SECONDS = 2.0  # writing a few files takes less; tests and runs take more
_SCHEMA = """
CREATE TABLE changes (id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, what TEXT NOT NULL, state TEXT NOT NULL,
                      checkpoint TEXT NOT NULL);
CREATE TABLE files (change INTEGER NOT NULL, path TEXT NOT NULL, content BLOB, mode INTEGER,
                    above TEXT NOT NULL, written TEXT NOT NULL, PRIMARY KEY (change, path));
"""
_SNAPSHOTS = """
CREATE TABLE snapshots (change INTEGER NOT NULL, path TEXT NOT NULL, kind TEXT NOT NULL, content BLOB, mode INTEGER,
                        PRIMARY KEY (change, path));
"""
NOTHING = ""
"""The digest of no file."""


class Former(NamedTuple):
    """A file as it was before a change.

    above: the outermost folder on its way that was not there, or ""; written: digests of what the change has put there.
    """

    path: str
    kept: Kept | None
    above: str
    written: tuple[str, ...]


class Entry(NamedTuple):
    """One change. at: when it began, of a run when it was last seen alive, in seconds since 1970; checkpoint: a ref or ""."""

    id: int
    at: float
    what: str
    state: State
    checkpoint: str


class Journal:
    """The changes of one folder."""

    def __init__(self, folder: Folder) -> None:
        self.folder, self.path = folder, changes_file(folder.root)
        if self.path.is_relative_to(folder.root):
            raise UsageError(f"{self.path}: what undoes changes would be in the folder itself; name a smaller folder")
        self._database = Database(self.path, "changes", [_SCHEMA, _SNAPSHOTS], ["changes", "files"])

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Let no other process change the folder by these commands meanwhile."""
        lock = FileLock(self.path.with_suffix(".lock"))
        try:
            lock.acquire(_WAIT_SECONDS)
        except Timeout:
            raise UsageError(
                f"{self.folder.root}: {self._under_way()}; nothing was changed; try again when it has ended"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _under_way(self) -> str:
        """Say what another process does here."""
        rows = self._database.rows(
            "SELECT what FROM changes WHERE state IN ('writing', 'working', 'not kept') ORDER BY id DESC"
        )
        what = f" ({shown_task(rows[0]['what'])})" if rows else ""
        return f"another process is changing it{what}"

    def begin(self, what: str, checkpoint: str, state: State = "writing") -> int:
        """Put a change on file; return its id."""
        write = "INSERT INTO changes (at, what, state, checkpoint) VALUES (?, ?, ?, ?)"
        return self._database.write(write, [time.time(), what, state, checkpoint])

    def beat(self, change: int) -> None:
        """Put on file that a run is alive."""
        self._database.write("UPDATE changes SET at = ? WHERE id = ?", [time.time(), change])

    def keep_snapshot(self, change: int, before: Snapshot) -> None:
        """Put on file what a folder holds."""
        files = [(change, path, "file", file.content, file.mode) for path, file in before.files.items()]
        kinds = {"other": before.others, "folder": before.folders}
        others = [(change, path, kind, None, None) for kind, paths in kinds.items() for path in paths]
        with self.together():
            self._database.write_many("INSERT INTO snapshots VALUES (?, ?, ?, ?, ?)", [*files, *others])

    def snapshot(self, change: int) -> Snapshot:
        """Return what the folder held when a run began."""
        rows = self._database.rows("SELECT * FROM snapshots WHERE change = ?", [change])
        files = {row["path"]: (row["content"], row["mode"]) for row in rows if row["kind"] == "file"}
        others, folders = ({row["path"] for row in rows if row["kind"] == kind} for kind in ("other", "folder"))
        return Snapshot.again(self.folder.workspace, files, others, folders)

    def drop_snapshot(self, change: int) -> None:
        self._database.write("DELETE FROM snapshots WHERE change = ?", [change])

    def intend(self, change: int, path: str, kept: Kept | None, above: str, digest: str) -> None:
        """Put on file what a path holds and what will be written there. Of several intents the first tells what was.

        above: as in Former; digest: of what is written.
        """
        content, mode = kept if kept is not None else (None, None)
        held = self._database.rows("SELECT written FROM files WHERE change = ? AND path = ?", [change, path])
        written = [*(json.loads(held[0]["written"]) if held else []), digest]
        self._database.write(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (change, path) DO UPDATE SET written = excluded.written",
            [change, path, content, mode, above, json.dumps(written)],
        )

    def together(self) -> contextlib.AbstractContextManager[None]:
        return self._database.together()

    def settle(self, change: int, state: State) -> None:
        self._database.write("UPDATE changes SET state = ? WHERE id = ?", [state, change])

    def forget(self, change: int) -> None:
        """Take a change off the file: nothing is left of it."""
        with self.together():
            self.drop_snapshot(change)
            self._database.write("DELETE FROM files WHERE change = ?", [change])
            self._database.write("DELETE FROM changes WHERE id = ?", [change])

    def last(self) -> Entry | None:
        """Return the last change that is not undone."""
        rows = self._database.rows("SELECT * FROM changes WHERE state != 'undone' ORDER BY id DESC LIMIT 1")
        return Entry(**rows[0]) if rows else None

    def working(self) -> Sequence[Entry]:
        """Return the runs that are on file as under way."""
        return [Entry(**row) for row in self._database.rows("SELECT * FROM changes WHERE state = 'working' ORDER BY id")]

    def formers(self, change: int) -> list[Former]:
        rows = self._database.rows("SELECT * FROM files WHERE change = ? ORDER BY path", [change])
        return [
            Former(
                row["path"],
                None if row["content"] is None else Kept(row["content"], row["mode"]),
                row["above"],
                tuple(json.loads(row["written"])),
            )
            for row in rows
        ]

    def outdated(self) -> Sequence[Entry]:
        """Return the changes that are too old to be kept."""
        rows = self._database.rows("SELECT * FROM changes ORDER BY id DESC LIMIT -1 OFFSET ?", [_MOST])
        return [Entry(**row) for row in rows]

    def close(self) -> None:
        self._database.close()


def digest_of(content: bytes | None) -> str:
    return NOTHING if content is None else hashlib.sha256(content).hexdigest()


def shown_task(what: str) -> str:
    """Return a task as it stands in a line."""
    line = " ".join(printable(what).split())
    return line if len(line) <= 60 else f"{line[:60]}..."
