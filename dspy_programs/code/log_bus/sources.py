"""From what a user names to what is followed: files, folders of log files, containers, standard input.

Guarantees a file that appears later in a folder is found; of more files than can be followed those that changed last are,
           and that is said; links in folders are not followed, so none leads in a circle.
Raises     UsageError for a name that is neither a file nor a folder nor can be a container.
"""

import contextlib
import heapq
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from dspy_programs.code.log_bus.followed_file import FollowedFile
from dspy_programs.code.log_bus.followed_pipe import CONTAINER, FollowedContainer, FollowedPipe, engine_here
from dspy_programs.code.log_bus.open_files import OpenFiles
from dspy_programs.errors import UsageError
from dspy_programs.logs import STDIN, Event, is_file, log_names

MOST_FILES = 10_000
_LOOK_AGAIN = 5.0  # seconds until folders are looked through again, or ten times as long as that takes
_SETTLE = 2.0  # seconds without growth after which an event, or a line without an end, counts as finished
_POD = re.compile(r"([a-z0-9-]+_[a-z0-9.-]+)_[0-9a-f-]{32,36}")  # NAMESPACE_POD_UID, a folder of /var/log/pods
_PART = re.compile(r"\.(?:log|out|err|txt|jsonl|ndjson)\b.*$", re.I)


class Followed(Protocol):
    """A log that is followed. has_more: read() would give more at once; size: bytes that were read
    and not counted yet; notes: what the user should know."""

    name: str
    key: str
    has_more: bool
    ended: bool
    notes: list[str]
    size: int

    @property
    def position(self) -> Any: ...
    def read(self, most: int) -> list[Event]: ...
    def restore(self, position: Any) -> None: ...
    def end(self) -> list[Event]: ...
    def close(self) -> None: ...


class Sources:
    """What is followed now."""

    def __init__(self, last_lines: int | None = None, once: bool = False, most_files: int = MOST_FILES) -> None:
        """last_lines: what files and containers have is begun so many lines before its end; None: at its beginning.

        once: what is there now is all.
        """
        self.last_lines, self.once, self.most_files = last_lines, once, most_files
        self._settle = 0.0 if once else _SETTLE
        self.notes: list[str] = []
        self._folders: list[Path] = []
        self._followed: dict[str, Followed] = {}
        self._pool = OpenFiles()
        self._next_look = 0.0
        self._said_most = False

    def add_path(self, path: Path) -> None:
        """Follow a file, which need not exist yet, or the log files of a folder. Raises UsageError."""
        if path == STDIN:
            self._followed["-"] = FollowedPipe("stdin", sys.stdin.buffer, self._settle)
        elif os.path.lexists(path) and not is_file(path):
            self._folders.append(path)
        elif path.parent.is_dir():
            if not path.exists():
                self.notes.append(f"{path}: not there yet; followed as soon as it is")
            self._add_file(path, self.last_lines)
        else:
            raise UsageError(f"{path}: there is no folder {path.parent}; name a file, a folder, a container, or - for stdin")

    def add_container(self, name: str, engine: str | None = None) -> None:
        """Follow a container's log. engine: the command, by default docker's or podman's. Raises UsageError."""
        if not CONTAINER.fullmatch(name):
            raise UsageError(f"{name}: no name of a container: letters, digits and _ . -")
        self._followed[f"container {name}"] = FollowedContainer(name, engine or engine_here(), self.last_lines, self.once)

    def add(self, followed: Followed) -> None:
        """Follow any other log."""
        self._followed[followed.key] = followed

    def _add_file(self, path: Path, last_lines: int | None) -> None:
        name = os.path.abspath(path)
        if name not in self._followed:
            self._followed[name] = FollowedFile(path, name_of(path), self._pool, last_lines, self._settle)

    def now(self) -> Iterator[Followed]:
        """Yield all that is followed, files that are new in the folders among them."""
        if self._folders and time.monotonic() >= self._next_look:
            began = time.monotonic()
            self._look()
            took = time.monotonic() - began
            self._next_look = time.monotonic() + max(_LOOK_AGAIN, 10 * took)
            self.last_lines = None  # what appears later is read from its beginning
        yield from list(self._followed.values())

    def _look(self) -> None:
        names = (name for folder in self._folders for name in log_names(folder, rotated=False))
        seen = 0

        def changed() -> Iterator[tuple[float, str]]:
            nonlocal seen
            for name in names:
                with contextlib.suppress(OSError):
                    seen += 1
                    yield os.stat(name).st_mtime, name

        chosen = heapq.nlargest(self.most_files, changed())
        if seen > self.most_files and not self._said_most:
            self._said_most = True
            self.notes.append(f"{seen:,} log files; the {self.most_files:,} that changed last are followed")
        kept = {os.path.abspath(name): Path(name) for _, name in chosen}
        for name, followed in list(self._followed.items()):
            if isinstance(followed, FollowedFile) and name not in kept and len(self._followed) > self.most_files:
                self._followed.pop(name).close()
        for path in kept.values():
            self._add_file(path, self.last_lines)

    def take_notes(self) -> list[str]:
        """Return what the user should know, once."""
        told, self.notes = self.notes, []
        for followed in self._followed.values():
            if followed.notes:
                told += followed.notes
                followed.notes = []
        return told

    @property
    def have_ended(self) -> bool:
        """Whether nothing can come any more: standard input alone, which is at its end."""
        return not self._folders and all(followed.ended for followed in self._followed.values())

    @property
    def are_read(self) -> bool:
        """Whether nothing but what grows is left: pipes are at their ends."""
        return all(followed.ended for followed in self._followed.values() if not isinstance(followed, FollowedFile))

    def close(self) -> None:
        for followed in self._followed.values():
            followed.close()


def sources_of(names: Sequence[str | Path], containers: Sequence[str] = (), **settings: Any) -> Sources:
    """Return the logs that are named: files, folders, "-" for standard input; else a container of that name.

    settings: those of Sources. Raises UsageError.
    """
    sources = Sources(**settings)
    for name in names:
        path = Path(name)
        if path != STDIN and not os.path.lexists(path) and path.parent == Path() and not path.suffix:
            if CONTAINER.fullmatch(str(name)):
                sources.add_container(str(name))
                continue
        sources.add_path(path)
    for container in containers:
        sources.add_container(container)
    return sources


def name_of(path: Path) -> str:
    """Return what a file's events are kept under: web/app.log is "app", web/0.log is "web".

    Of a container of Kubernetes, pods/NAMESPACE_POD_UID/web/0.log, it is NAMESPACE_POD_web.
    """
    name = _PART.sub("", path.name) or path.name
    if not name.isdecimal():
        return name
    folder = Path(os.path.abspath(path)).parent
    pod = _POD.fullmatch(folder.parent.name)
    return f"{pod[1]}_{folder.name}" if pod else folder.name or name
