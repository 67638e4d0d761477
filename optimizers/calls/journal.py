"""Every answer a run has paid for, one JSON line each, so that an interrupted run can be replayed at no cost.

GEPA is deterministic once the models' answers are given. So a run is resumed by running it again from the start with the
answers in this file: same candidates, same scores, same winner, and only what is missing is asked. No state of the
optimizer is saved, hence nothing is unpickled.

Guarantees a line is appended before its answer is used; a last line truncated by a kill is cut off at the next start. An
           error is no answer: it is remembered in this process only, and files from before this rule lose theirs on reading.
"""

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dspy_programs.errors import ModelFailing, RunError

Record = dict[str, Any]


class Journal:
    """A mapping from a request's key to the record of its answer. Without a path it lives in memory only."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._records: dict[str, Record] = {}
        self._appending = threading.Lock()
        self._file: int | None = None
        if path is not None:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            os.ftruncate(self._file, self._read(path))

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(list(self._records.values()))

    def get(self, key: str) -> Record | None:
        return self._records.get(key)

    def append(self, record: Record) -> None:
        """Write first, then remember. Raises RunError if the whole line cannot be written."""
        line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        with self._appending:
            if self._file is not None and "error" not in record:
                self._write(line)
            self._records[record["key"]] = record

    @contextlib.contextmanager
    def trying(self) -> Iterator[None]:
        """Forget what is appended in the block if the model fails in it: a bad first reply must not be replayed for ever."""
        known, size = set(self._records), 0 if self._file is None else os.fstat(self._file).st_size
        try:
            yield
        except ModelFailing:
            if self._file is not None:
                os.ftruncate(self._file, size)
            self._records = {key: record for key, record in self._records.items() if key in known}
            raise

    def read_also(self, path: Path, free: bool = False) -> None:
        """Also read the answers in another run's journal, which is not changed; does nothing if there is none.

        free: they do not count as spent, since the other run counts them.
        """
        known = set(self._records)
        if path.is_file():
            self._read(path)
        for key in self._records.keys() - known if free else ():
            record = self._records[key]
            self._records[key] = {**record, "usd": 0.0, "at": 0.0, "response": {**record["response"], "usage": {}}}

    def close(self) -> None:
        if self._file is not None:
            os.fsync(self._file)
            os.close(self._file)
            self._file = None

    def _write(self, line: bytes) -> None:
        assert self._file is not None
        size = os.fstat(self._file).st_size
        try:
            written = os.write(self._file, line)
            error = None if written == len(line) else OSError("the disk took only a part of the line")
        except OSError as caught:
            error = caught
        if error is not None:
            os.ftruncate(self._file, size)
            raise RunError(
                f"{self.path}: cannot write: {error.strerror or error}. "
                "Free some space and run the same command again to resume"
            ) from error

    def _read(self, path: Path) -> int:
        """Fill the mapping; return how many bytes are complete lines."""
        whole = 0
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith(b"\n"):
                    break  # a line truncated by a kill
                try:
                    record = json.loads(line)
                    if "error" not in record:
                        self._records.setdefault(record["key"], record)
                except (ValueError, KeyError, TypeError) as error:
                    raise RunError(f"{path}:{number}: not a record of a call; start over with --fresh") from error
                whole += len(line)
        return whole


def key_of(role: str, request: Record) -> str:
    """Return a request's key: the same role, model, messages and settings give the same key in every process."""
    return hashlib.sha256(json.dumps([role, request], sort_keys=True).encode()).hexdigest()[:32]
