"""Replacing a data set by its mended self: the old file stays beside it, as FILE.before."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
    if os.path.lexists(_before(path)):
        raise UsageError(f"{_before(path)}: there already; move it, so that the old rows are not lost")
    return path


@contextmanager
def kept_before(path: Path | None) -> Iterator[None]:
    """Keep the file as it is under a second name while the block replaces it; if the block fails, nothing is left."""
    if path is None:
        yield
        return
    try:
        try:
            os.link(os.path.realpath(path), _before(path))
        except OSError:  # a file system without second names
            shutil.copy2(path, _before(path))
    except OSError as error:
        raise UsageError(f"{_before(path)}: cannot be written: {error.strerror or error}") from error
    try:
        yield
    except BaseException:
        _before(path).unlink(missing_ok=True)
        raise


def _before(path: Path) -> Path:
    return path.with_name(f"{path.name}.before")
