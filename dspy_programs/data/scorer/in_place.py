"""Replacing a data set by its mended self: the old file stays beside it, as FILE.before."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dspy_programs.atomic_file import opened_atomically
from dspy_programs.data.folder import DataFolder
from dspy_programs.data.scorer.source import path_of
from dspy_programs.errors import UsageError
from dspy_programs.tables import ending_of

_LINES = (".jsonl", ".ndjson")


def file_to_replace(given: str, folder: DataFolder, output: Path | None, limit: int | None) -> Path:
    """Return the file that is read and replaced. Raises UsageError if that cannot be, or would lose something."""
    if output or limit:
        raise UsageError(f"--apply replaces the whole file; leave {'--output' if output else '--limit'} out")
    path = path_of(given, folder)
    if path is None or ending_of(path) not in _LINES:
        raise UsageError(f"{given}: --apply replaces a file of JSON lines ({', '.join(_LINES)}); give -o FILE for another")
    if os.path.lexists(_before(path)) and not _is_kept(path):
        raise UsageError(f"{_before(path)}: exists already; move it away, so that the old rows are not lost")
    return path


@contextmanager
def kept_before(path: Path | None) -> Iterator[None]:
    """Keep the file as it is under a second name while the block replaces it; if the block fails, nothing is left."""
    if path is None:
        yield
        return
    try:
        if not _is_kept(path):
            _keep(path)
    except OSError as error:
        raise UsageError(f"{_before(path)}: cannot be written: {error.strerror or error}") from error
    try:
        yield
    except BaseException:
        _before(path).unlink(missing_ok=True)
        raise


def _is_kept(path: Path) -> bool:
    """Return whether a killed process has kept the file under its second name, and not yet replaced it."""
    return _before(path).exists() and _before(path).samefile(path)


def _keep(path: Path) -> None:
    try:
        os.link(os.path.realpath(path), _before(path))
    except OSError:  # a file system without second names
        with opened_atomically(_before(path)) as copy, path.open("rb") as file:
            shutil.copyfileobj(file, copy)


def _before(path: Path) -> Path:
    return path.with_name(f"{path.name}.before")
