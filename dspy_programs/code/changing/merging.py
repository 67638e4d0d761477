"""Bring a change to a file that has changed since it was read.

Guarantees git merges; what cannot be merged changes nothing.
Raises     UsageError for a conflict, with its place.
"""

import tempfile
from pathlib import Path

from dspy_programs.diffs import Change, File
from dspy_programs.errors import UsageError
from dspy_programs.git import git_apart


def rebased(change: Change, now: File | None) -> Change:
    """Return the change as one of the file as it is now."""
    if now == change.before or now == change.after:
        return change._replace(before=now)
    if now is None or change.before is None or change.after is None:
        how = "is gone" if now is None else "is there now" if change.before is None else "has changed"
        raise UsageError(f"{change.path}: {how} since it was read; nothing was changed; begin again")
    content = merged(change.path, change.before.content, now.content, change.after.content)
    executable = now.executable if change.after.executable == change.before.executable else change.after.executable
    return Change(change.path, now, File(content, executable))


def merged(path: str, base: bytes, ours: bytes, theirs: bytes) -> bytes:
    """Return both changes of a file in one. Raises UsageError where they overlap."""
    with tempfile.TemporaryDirectory(prefix="merge-") as aside:
        for name, content in (("ours", ours), ("base", base), ("theirs", theirs)):
            Path(aside, name).write_bytes(content)
        done = git_apart(Path(aside), ["merge-file", "--stdout", "--quiet", "ours", "base", "theirs"])
    if done.code == 0:
        return done.out
    line = done.out[: max(0, done.out.find(b"<<<<<<< "))].count(b"\n") + 1
    where = f"{path}:{line}" if done.out else path
    raise UsageError(f"{where}: changed since it was read, in the same place; nothing was changed; begin again")
