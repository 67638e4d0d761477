"""The audit log: one JSON object a line, before each call and after it.

Input      a path; records.
Guarantees keys are replaced; long values are cut with a mark; a line is written with one call, so that two processes do not
           mix theirs; the file is for its owner only. A log that cannot be written stops the call that it should tell of.
Raises     UsageError when it cannot be opened, ToolError when it cannot be written.
"""

import json
import os
import threading
import time
from pathlib import Path

from pydantic import JsonValue

from dspy_programs.errors import ToolError, UsageError
from dspy_programs.jsonable import to_jsonable
from dspy_programs.lm import without_keys

_LONGEST = 2_000  # characters of one text


class AuditLog:
    """What was asked for, what was decided and by what, and what came of it."""

    def __init__(self, path: str | Path | None = None) -> None:
        self._lock = threading.Lock()
        self._handle: int | None = None
        self.path = path
        if path is None:
            return  # nobody wants a log
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UsageError(f"{path}: the audit log cannot be opened: {error.strerror}") from None

    def write(self, **record: object) -> None:
        """Add a line, with the time."""
        if self._handle is None:
            return
        told = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **to_jsonable(record)}
        line = json.dumps(_shown(told), ensure_ascii=False).encode() + b"\n"
        try:
            with self._lock:
                if os.write(self._handle, line) != len(line):
                    raise OSError(0, "the disk is full")
        except OSError as error:
            raise ToolError(f"{self.path}: the audit log cannot be written ({error.strerror}); nothing is done") from None

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _shown(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        text = without_keys(value)
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} [cut: {len(text):,} characters]"
    if isinstance(value, list):
        return [_shown(each) for each in value]
    return {key: _shown(each) for key, each in value.items()} if isinstance(value, dict) else value
