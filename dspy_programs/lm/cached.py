"""A language model whose answers are cached on disk: repeating a request costs nothing, even the next day.

The key is the whole request (server, model, decoding, schema, every word of the prompt), so it covers everything that changes
an answer. Answers, like their prompts, may be private: only the owner can read the file.

Guarantees safe for several threads and processes; a broken or unreadable file is left alone with one warning, and the model
           is asked; errors are not cached.
"""

import contextlib
import hashlib
import json
import os
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dspy
import platformdirs
from dspy import lm15
from dspy._vendor.lm15.serde import request_to_dict, response_from_dict, response_to_dict
from filelock import FileLock

from dspy_programs.lm.models import connect, decoding, prepare
from dspy_programs.lm.samples import Sample, drawn
from dspy_programs.lm.server.lm_wrapper import call_inner, endpoint_of, wrap

_FILE_VARIABLE = "DSPY_PROGRAMS_ANSWERS"  # moves the file
_TTL_SECONDS = 30 * 86_400.0
_TABLE = "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, at REAL NOT NULL, answer TEXT NOT NULL)"
_WAIT_SECONDS = 5.0  # for another process that writes


def default_path() -> Path:
    chosen = os.environ.get(_FILE_VARIABLE)
    return Path(chosen) if chosen else platformdirs.user_cache_path("dspy-programs") / "answers.sqlite"


class AnswerCache:
    """Answers by key, each with the time it was given."""

    def __init__(
        self, path: Path | None = None, ttl_seconds: float = _TTL_SECONDS, now: Callable[[], float] = time.time
    ) -> None:
        self.path, self.ttl, self.now = path or default_path(), ttl_seconds, now
        self.hits = self.misses = 0
        self._lock = threading.Lock()
        self._file = self._open()

    def _open(self) -> sqlite3.Connection | None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            file = sqlite3.connect(self.path, timeout=_WAIT_SECONDS, check_same_thread=False, isolation_level=None)
            with FileLock(
                f"{self.path}.lock", timeout=_WAIT_SECONDS
            ):  # SQLite does not wait while another process turns WAL on
                file.execute("PRAGMA journal_mode=WAL")
                file.execute(_TABLE)
                file.execute("DELETE FROM answers WHERE at < ?", (self.now() - self.ttl,))
            return file
        except (OSError, sqlite3.Error) as error:
            self._warn(error)
            return None

    def _warn(self, error: Exception) -> None:
        warnings.warn(f"{self.path}: ignored, answers are not cached ({error}); delete the file to fix it", stacklevel=4)

    def _give_up(self, error: Exception) -> None:
        self._file = None
        self._warn(error)

    def get(self, key: str) -> Any:
        """Return the answer, or None if there is none that is recent and readable."""
        with self._lock:
            answer = self._read(key)
            self.hits, self.misses = self.hits + (answer is not None), self.misses + (answer is None)
            return answer

    def _read(self, key: str) -> Any:
        if self._file is None:
            return None
        try:
            row = self._file.execute("SELECT at, answer FROM answers WHERE key = ?", (key,)).fetchone()
            return json.loads(row[1]) if row and row[0] >= self.now() - self.ttl else None
        except (sqlite3.Error, ValueError, TypeError, RecursionError) as error:
            self._give_up(error)
            return None

    def put(self, key: str, answer: Any) -> None:
        with self._lock:
            if self._file is None:
                return
            try:
                row = (key, self.now(), json.dumps(answer))
                self._file.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", row)
            except sqlite3.Error as error:  # a full disk, a lock that is never released
                self._give_up(error)

    def close(self) -> None:
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None


class CachedEngine:
    """Sits between DSPy and a model: looks a request up, else asks and caches the answer."""

    def __init__(self, lm: dspy.LM, cache: AnswerCache) -> None:
        self.lm, self.cache = lm, cache
        self.supports_response_schema = lm.supports_response_schema
        self.supports_function_calling = lm.supports_function_calling
        self.supports_reasoning = lm.supports_reasoning
        self.supported_params = lm.supported_params
        self.address = endpoint_of(lm)

    def __deepcopy__(self, memo: dict[int, Any]) -> "CachedEngine":
        return self

    @property
    def count_tokens(self) -> Callable[[str], int] | None:
        return getattr(self.lm.engine, "count_tokens", None)

    def complete(self, request: lm15.Request) -> lm15.Response:
        with drawn() as sample:
            return self.answer(request, sample)

    def answer(self, request: lm15.Request, sample: Sample) -> lm15.Response:
        asked = {"model": self.lm.model, "at": self.address, "sample": sample, "request": request_to_dict(request)}
        key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()
        if (known := self.cache.get(key)) is not None:
            with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):  # written by other code: ask again
                return response_from_dict(known)
        response = call_inner(self.lm, request)
        self.cache.put(key, response_to_dict(response))
        return response

    def stream(self, request: lm15.Request) -> Iterator[Any]:
        return iter(lm15.response_to_events(self.complete(request)))

    def close(self) -> None:
        self.cache.close()


def cached(lm: dspy.LM, cache: AnswerCache | None = None) -> dspy.LM:
    """Return `lm` with the same name and settings and a cache on disk."""
    return wrap(CachedEngine(lm, cache or AnswerCache()), lm.model, **decoding(lm))


def connect_kept(spec: str, keep: bool = True, **connection: Any) -> dspy.LM:
    """Return the model that `spec` names, its weights downloaded now, while the user watches; keep: cache its answers on disk.

    connection: as for `connect`. Raises what `connect` and `prepare` raise.
    """
    model = connect(spec, **connection)
    prepare(model)
    return cached(model) if keep else model
