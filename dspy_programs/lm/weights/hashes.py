"""The SHA-256 of large files: each file is read once, and its hash is remembered until the file changes.

A note is kept in our own directory, never next to the file, where others with write access could vouch for other bytes. It is
valid for one path, size, inode and both times; the change time (ctime) cannot be set back.

Guarantees a note that is damaged or cannot be written only means that the file is read again.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from dspy_programs.atomic_file import write_atomically
from dspy_programs.errors import UsageError


class _Known(NamedTuple):
    """A file whose hash is known, unless it has changed since."""

    path: Path
    sha256: str


def sha256_of(path: Path, notes: Path | None) -> str:
    """Return the SHA-256 of a file in hexadecimal digits. notes: where hashes are remembered; None: always read."""
    before = state_of(path)
    if notes and (known := known_sha256(path, notes)):
        return known
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if notes and state_of(path) == before:
        remember(path, found, notes)
    return found


def known_sha256(path: Path, notes: Path) -> str | None:
    """Return the remembered hash of an unchanged file, None if there is none."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        note = json.loads(_note_of(path, notes).read_bytes())
        if note["state"] == state_of(path):
            return str(note["sha256"])
    return None


def remember(path: Path, sha256: str, notes: Path) -> None:
    with suppress(UsageError):
        note = {"sha256": sha256, "state": state_of(path)}
        write_atomically(_note_of(path, notes), json.dumps(note))


def remembered(notes: Path) -> Iterator[_Known]:
    """Yield the files that have a note and are unchanged."""
    for note in sorted(notes.glob("*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            path = Path(json.loads(note.read_bytes())["state"]["path"])
            if found := known_sha256(path, notes):
                yield _Known(path, found)


def state_of(path: Path) -> dict[str, str | int]:
    stat = path.stat()
    times = {"mtime_ns": stat.st_mtime_ns, "ctime_ns": stat.st_ctime_ns}
    return {"path": os.path.abspath(path), "size": stat.st_size, "inode": stat.st_ino, **times}


def _note_of(path: Path, notes: Path) -> Path:
    return notes / f"{hashlib.sha256(os.fsencode(os.path.abspath(path))).hexdigest()[:16]}.json"
