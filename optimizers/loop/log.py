"""The history of a loop: what was answered, what was proposed, what was decided. Lines of JSON, only ever appended.

Fields     prompt, response, score and new_prompt as in GEPA-AIME's traces/gepa_history.jsonl, and ours beside them.
           new_prompt stands only on a line that put it into use, so whoever reads the last one starts with the right one.
Guarantees threads and processes append whole lines, one after the other, each on disk when `append` returns; a line that a
           kill cut off stays where it is, is skipped, and counted; nothing is ever rewritten.
Raises     UsageError if the file cannot be read or written.
"""

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock

from dspy_programs.errors import RunLocked, UsageError

Line = dict[str, Any]
_PATIENCE = 30.0  # seconds for another process that is writing


class Log:
    """One file of history."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.broken = 0  # lines that could not be read when it was last read
        self._lock = filelock.FileLock(path.with_name(f"{path.name}.lock"))

    def locked(self) -> filelock.BaseFileLock:
        """Return the lock that makes several reads and appends one. Raises RunLocked, UsageError on entering."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=_PATIENCE)
        except filelock.Timeout as error:
            raise RunLocked(f"{self.path}: another process has held it for {_PATIENCE:g} seconds; try again") from error
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be written: {error.strerror or error}") from error
        return self._lock

    def append(self, fields: Mapping[str, Any]) -> Line:
        """Add a line, with the time. After a line that was cut off, the new one begins on its own."""
        line: Line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **fields}
        data = json.dumps(line, ensure_ascii=False, default=str).encode("utf-8", "replace") + b"\n"
        lock = self.locked()
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                size = os.fstat(handle).st_size
                if size and os.pread(handle, 1, size - 1) != b"\n":
                    data = b"\n" + data
                written = os.write(handle, data)
                if written != len(data):
                    os.ftruncate(handle, size)  # our own part of a line, not yet anybody's
                    raise OSError("the disk took only a part of the line")
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be written: {error.strerror or error}") from error
        finally:
            lock.release()
        return line

    def lines(self) -> Iterator[Line]:
        """Yield the lines in order; what is none is counted in `broken`."""
        self.broken = 0
        try:
            with self.path.open("rb") as file:
                for raw in file:
                    if not raw.strip():
                        continue
                    try:
                        line = json.loads(raw)
                    except ValueError:
                        line = None
                    if isinstance(line, dict):
                        yield line
                    else:
                        self.broken += 1
        except FileNotFoundError:
            return
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be read: {error.strerror or error}") from error

    def warm_start(self) -> Line | None:
        """Return the line that a restart goes on from: the last that put a prompt into use, None if there is none."""
        last = None
        for line in self.lines():
            if isinstance(line.get("new_prompt"), str) and line["new_prompt"]:
                last = line
        return last
