"""The Python files below the paths given: in name order, none twice, without what git ignores.

Guarantees links to folders are followed, but no folder is entered twice; a pipe or a device is never opened. A path that is
           given by name is checked whatever ignores it.
Raises     UsageError for a path that does not exist or cannot be read at all. A folder further down that cannot be read
           becomes a note.
"""

import fnmatch
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from dspy_programs.errors import UsageError
from dspy_programs.git import NOBODYS_OWN, ignored_below

SUFFIXES = (".py", ".pyi", ".pyw")


def python_files(paths: Sequence[Path], exclude: Sequence[str] = (), notes: list[str] | None = None) -> Iterator[Path]:
    """Yield the files to check. exclude: globs of names or of paths as they are written. notes: takes what cannot be read."""
    seen: set[tuple[int, int]] = set()
    for path in paths:
        for file in _at(path, exclude, notes if notes is not None else []):
            at = _identity(file)
            if at is None or at not in seen:
                if at is not None:
                    seen.add(at)
                yield file


def _at(path: Path, exclude: Sequence[str], notes: list[str]) -> Iterator[Path]:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if stat.S_ISDIR(mode):
        try:
            os.listdir(path)
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
        yield from _below(path, exclude, notes)
    elif stat.S_ISREG(mode):
        yield path
    else:
        raise UsageError(f"{path}: not a regular file; to read from a pipe, give - and redirect it to stdin")


def _below(folder: Path, exclude: Sequence[str], notes: list[str]) -> Iterator[Path]:
    entered: set[tuple[int, int]] = set()
    ignored = ignored_below(folder)

    def note(error: OSError) -> None:
        notes.append(f"{error.filename}: cannot be read: {error.strerror or error}")

    for root, folders, names in os.walk(folder, followlinks=True, onerror=note):
        here = _identity(Path(root))
        if here is None or here in entered:
            folders.clear()
            continue
        entered.add(here)
        inside = os.path.relpath(root, folder)
        folders[:] = sorted(
            name for name in folders if name not in NOBODYS_OWN and not _is_left_out(root, inside, name, ignored, exclude)
        )
        for name in sorted(names):
            if name.endswith(SUFFIXES) and not _is_left_out(root, inside, name, ignored, exclude):
                path = Path(root, name)
                if path.is_file():
                    yield path


def _is_left_out(root: str, inside: str, name: str, ignored: frozenset[str], exclude: Sequence[str]) -> bool:
    relative = os.path.normpath(os.path.join(inside, name)).replace(os.sep, "/")
    if relative in ignored:
        return True
    written = os.path.normpath(os.path.join(root, name)).replace(os.sep, "/")
    return any(fnmatch.fnmatchcase(each, glob.rstrip("/")) for glob in exclude for each in (name, relative, written))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
