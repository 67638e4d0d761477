"""What is to become of files, as a value and as a unified diff.

Guarantees the diff is git's own, so that `git apply` and `patch` take it: new and deleted files, modes, files without
           a newline at their end, any line ends.
Raises     UsageError if there is no git.
"""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from dspy_programs.git import git_apart

_DIFF = ("diff", "--no-index", "--no-prefix", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "a", "b")
_ONE_SIDED = re.compile(rb'^diff --git ("?)([ab])/(.*) \1\2/\3$', re.M)
_HUNK = re.compile(rb"@@ -(?P<from>\d+)(?:,(?P<old>\d+))? \+(?P<to>\d+)(?:,(?P<new>\d+))? @@")


class File(NamedTuple):
    """What is in a file, and whether it can be run."""

    content: bytes
    executable: bool = False


class Change(NamedTuple):
    """A file as it is, and as it is to be; None for no file. path: relative to the folder."""

    path: str
    before: File | None
    after: File | None

    @property
    def kind(self) -> str:
        return "new" if self.before is None else "deleted" if self.after is None else "changed"


def in_writing_order(changes: Iterable[Change]) -> list[Change]:
    """Return changes with what is deleted first: a file may be where a folder was."""
    return sorted(changes, key=lambda change: change.after is not None)


def diff_of(changes: Iterable[Change]) -> bytes:
    """Return changes as a unified diff, as git writes it; b"" for none."""
    with tempfile.TemporaryDirectory(prefix="diff-") as aside:
        for side in "ab":
            Path(aside, side).mkdir()
        for change in changes:
            for side, file in (("a", change.before), ("b", change.after)):
                if file is not None:
                    write_aside(Path(aside, side, change.path), file)
        printed = git_apart(Path(aside), _DIFF).out
    return _ONE_SIDED.sub(rb"diff --git \1a/\3 \1b/\3", printed)  # of a file that is new, or deleted


def write_aside(path: Path, file: File) -> None:
    """Write a file, and the folders on the way, in a place of one's own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.content)
    os.chmod(path, 0o755 if file.executable else 0o644)


class Hunk(NamedTuple):
    """A piece of a diff. whole: it makes a file, or deletes one; lines: with their signs."""

    whole: bool
    lines: list[bytes]

    @property
    def has_context(self) -> bool:
        return any(line[:1] in (b" ", b"") for line in self.lines)

    @property
    def old_lines(self) -> list[bytes]:
        """The lines that it wants to find."""
        return [line[1:] for line in self.lines if line[:1] in (b" ", b"", b"-")]


def hunks_of(diff: bytes) -> Iterator[Hunk]:
    """Yield the hunks of a diff."""
    old = new = 0
    hunk = Hunk(False, [])
    for line in diff.splitlines():
        if old > 0 or new > 0:
            hunk.lines.append(line)
            old -= line[:1] in (b"-", b" ", b"")
            new -= line[:1] in (b"+", b" ", b"")
            if old <= 0 and new <= 0:
                yield hunk
        elif found := _HUNK.match(line):
            old, new = int(found["old"] or 1), int(found["new"] or 1)
            hunk = Hunk(b"0" in (found["from"], found["to"]), [])


def size_of(diff: bytes) -> tuple[int, int]:
    """Count the lines that a diff adds and takes away."""
    signs = [line[:1] for hunk in hunks_of(diff) for line in hunk.lines]
    return signs.count(b"+"), signs.count(b"-")


def has_crlf(content: bytes) -> bool:
    """Return whether all lines end as on Windows."""
    return b"\r\n" in content and content.count(b"\n") == content.count(b"\r\n")


def utf8_text(content: bytes) -> str | None:
    """Return a file as a text, with plain line ends if all are those of Windows; None for what is no UTF-8."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text.replace("\r\n", "\n") if has_crlf(content) else text
