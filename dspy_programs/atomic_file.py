"""Write files atomically: all at once, or piece by piece while a long command runs.

Guarantees on any failure, a signal included, the old file stays as it was; a device or a pipe is written to as it is.
Raises     UsageError where the file cannot be written: a missing right, a full disk, a folder of that name.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from dspy_programs.errors import UsageError


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace `path` by a file that is complete and on the disk; on any failure the old file stays. Raises UsageError."""
    with opened_atomically(path) as file:
        file.write(content.encode("utf-8") if isinstance(content, str) else content)


@contextlib.contextmanager
def opened_atomically(path: Path) -> Iterator[IO[bytes]]:
    """Give a file to write to; it takes the place of `path` when the block ends well. Raises UsageError."""
    temporary = None
    try:
        if path.exists() and not path.is_file():  # replacing a device would take it away from everybody else
            with path.open("wb") as file:
                yield file
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
