"""Answers of the user that hold for later: the same call of the same tool in the same workspace, word for word.

Input      a path for the file, or None to remember while the process runs.
Guarantees an answer never covers a call with other arguments; the file is replaced at once and readable for its owner only;
           a damaged file is no permission: everything is asked again.
"""

import hashlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from dspy_programs.atomic_file import write_atomically


class Answers:
    """Calls that were always allowed, or always denied."""

    def __init__(self, path: str | Path | None = None) -> None:
        self._path = Path(path) if path else None
        self._lock = threading.Lock()
        self._held: dict[str, str] = {}
        if self._path and self._path.exists():
            self._held = _read(self._path)

    def about(self, tool: str, arguments: Mapping[str, JsonValue], folder: Path) -> Literal["allow", "deny"] | None:
        held = self._held.get(_key(tool, arguments, folder))
        return "allow" if held == "allow" else "deny" if held == "deny" else None

    def keep(self, tool: str, arguments: Mapping[str, JsonValue], folder: Path, verdict: Literal["allow", "deny"]) -> None:
        with self._lock:
            others = _read(self._path) if self._path else {}  # what other runs have kept meanwhile
            self._held = {**self._held, **others, _key(tool, arguments, folder): verdict}
            if self._path:
                is_new = not self._path.exists()
                write_atomically(self._path, json.dumps(self._held, indent=1) + "\n")
                if is_new:
                    self._path.chmod(0o600)


def _key(tool: str, arguments: Mapping[str, JsonValue], folder: Path) -> str:
    """Name a call; its arguments stand in the file as a hash, because they may hold secrets."""
    told = json.dumps([str(folder), dict(arguments)], sort_keys=True, ensure_ascii=True)
    return f"{tool} {hashlib.sha256(told.encode()).hexdigest()}"


def _read(path: Path) -> dict[str, str]:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in held.items()} if isinstance(held, dict) else {}
