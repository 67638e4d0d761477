"""The files at a path that may contain traces: known by their suffix, in name order, none twice.

Output     Found: files, each also with .gz behind its suffix, and the number of other files.
Guarantees links are followed, but no folder is entered twice; no pipe is waited for.
Raises     UsageError for a path that does not exist or cannot be read at all.
"""

import os
import re
import stat
from pathlib import Path
from typing import NamedTuple

from dspy_programs.errors import UsageError

LINES = (".jsonl", ".ndjson")
SUFFIXES = (".json", *LINES, ".traj", ".eval")
_RECORDING = re.compile(r"trace_[0-9a-f]{32}_\d{8}T\d{6}\.jsonl")  # see recorder.py


class Found(NamedTuple):
    """A folder's contents: files that may contain traces, in order, and the number of other files."""

    files: list[Path]
    skipped: int


def found_at(path: Path) -> Found:
    """Return the files at a path. Raises UsageError if it cannot be read at all."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if stat.S_ISDIR(mode):
        return files_in(path)
    if not stat.S_ISREG(mode):
        raise UsageError(f"{path}: not a regular file; to read from a pipe, give - and redirect it to stdin")
    return Found([path], 0)


def files_in(folder: Path) -> Found:
    """Find the files below a folder. Links are followed, but no folder is entered twice; finished recordings count once."""
    files: list[Path] = []
    skipped = 0
    entered: set[tuple[int, int]] = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        try:
            here = os.stat(root)
        except OSError:
            continue
        if (here.st_dev, here.st_ino) in entered:
            folders.clear()
            continue
        entered.add((here.st_dev, here.st_ino))
        folders.sort()
        for name in sorted(names):
            path = Path(root, name)
            is_copy = _RECORDING.fullmatch(name) is not None and name.removesuffix("l") in names
            if kind_of_file(path) and path.is_file() and not is_copy:
                files.append(path)
            else:
                skipped += 1
    return Found(files, skipped)


def kind_of_file(path: Path) -> str:
    """Return the suffix that says what a file contains, "" if it is not one of ours."""
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    return suffix if suffix in SUFFIXES else ""
