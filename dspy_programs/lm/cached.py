"""A language model whose answers are cached on disk: repeating a request costs nothing, even the next day.

The key is the whole request (server and what it says it runs, model, decoding, schema, every word of the prompt), so it covers
everything that changes an answer. Answers, like their prompts, may be private: only the owner can read the file, and modes that
let others are repaired.

Guarantees safe for several threads and processes; errors are not cached. The file stays below `most_bytes`: the oldest answers
           go. A row that cannot be read is asked again; a damaged file is put aside as FILE.damaged, with one warning, and
           begun anew. Where nothing can be written (a full disk, a read-only folder), one warning says so, and the model is
           asked.
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
from dspy_programs.lm.server.identity import ServedModel, Unasked
from dspy_programs.lm.server.lm_wrapper import call_inner, endpoint_of, wrap

_FILE_VARIABLE = "DSPY_PROGRAMS_ANSWERS"  # moves the file
_TTL_SECONDS = 30 * 86_400.0
_MOST_BYTES = 500_000_000
_LEFT = 0.9  # share of most_bytes that an eviction leaves, so that it is rare
_TABLE = "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, at REAL NOT NULL, answer TEXT NOT NULL)"
_COLUMNS = ["key", "at", "answer"]
_BY_AGE = "CREATE INDEX IF NOT EXISTS answers_at ON answers (at)"
_TWENTIETH = "1 + (SELECT count(*) FROM answers) / 20"
_OLDEST = f"DELETE FROM answers WHERE rowid IN (SELECT rowid FROM answers ORDER BY at LIMIT {_TWENTIETH})"
_WAIT_SECONDS = 5.0  # for another process that writes
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)  # the last for a table of another form
_BESIDE = ("", "-wal", "-shm")  # SQLite's files of one database
_PRIVATE_FILE, _PRIVATE_FOLDER = 0o600, 0o700


def default_path() -> Path:
    chosen = os.environ.get(_FILE_VARIABLE)
    return Path(chosen) if chosen else _own_folder() / "answers.sqlite"


def _own_folder() -> Path:
    return platformdirs.user_cache_path("dspy-programs")


class AnswerCache:
    """Answers by key, each with the time it was given."""

    def __init__(
        self,
        path: Path | None = None,
        ttl_seconds: float = _TTL_SECONDS,
        now: Callable[[], float] = time.time,
        most_bytes: int = _MOST_BYTES,
    ) -> None:
        self.path, self.ttl, self.now, self.most_bytes = path or default_path(), ttl_seconds, now, most_bytes
        self.hits = self.misses = 0
        self._lock = threading.Lock()
        self._file: sqlite3.Connection | None = None
        self._writes = True
        self._open()

    def _open(self, again: bool = False) -> None:
        """Open the file, in place of one that is damaged, if need be; again: it looked so, and is read as a whole."""
        try:
            if self.path.exists() and not self.path.is_file():
                raise OSError(0, "not a file")  # a folder or a device keeps its mode and its place
            self.path.parent.mkdir(_PRIVATE_FOLDER, parents=True, exist_ok=True)
            with FileLock(f"{self.path}.lock", timeout=_WAIT_SECONDS, mode=_PRIVATE_FILE):  # SQLite has none for turning WAL on
                self._make_private()
                try:
                    self._file = self._connected(whole=again)
                except sqlite3.DatabaseError as error:
                    if not _is_damage(error):
                        raise
                    self._put_aside(error)
                    self._make_private()
                    self._file = self._connected()
        except (OSError, sqlite3.Error) as error:
            self._give_up(error)

    def _make_private(self) -> None:
        if self.path.parent == _own_folder():
            self.path.parent.chmod(_PRIVATE_FOLDER)
        with contextlib.suppress(FileExistsError):  # one that exists is not opened: closing it would end SQLite's locks on it
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL, _PRIVATE_FILE))
        for ending in _BESIDE:
            with contextlib.suppress(FileNotFoundError):
                os.chmod(f"{self.path}{ending}", _PRIVATE_FILE)

    def _connected(self, whole: bool = False) -> sqlite3.Connection:
        file = sqlite3.connect(self.path, timeout=_WAIT_SECONDS, check_same_thread=False, isolation_level=None)
        try:
            file.text_factory = bytes  # a row that is not UTF-8 is one bad row
            file.execute("PRAGMA journal_mode=WAL")
            file.execute("PRAGMA synchronous=NORMAL")  # power that fails may cost the last answers, not the file
            file.execute(_TABLE)
            file.execute(_BY_AGE)
            file.execute("DELETE FROM answers WHERE at < ?", (self.now() - self.ttl,))
            if [name for name, *_ in file.execute("SELECT * FROM answers LIMIT 1").description] != _COLUMNS:
                raise Damaged("its table is of another version")
            if whole and (found := file.execute("PRAGMA integrity_check(1)").fetchone()[0]) != b"ok":
                raise Damaged(found.decode(errors="replace").splitlines()[-1])
        except sqlite3.Error:
            file.close()
            raise
        return file

    def _put_aside(self, error: Exception) -> None:
        aside = f"{self.path}.damaged"
        for ending in _BESIDE:
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{self.path}{ending}", f"{aside}{ending}")
        warnings.warn(f"{self.path}: damaged ({error}); it is now {aside}, and the cache begins anew", stacklevel=5)

    def _give_up(self, error: Exception) -> None:
        self._file = None
        why = getattr(error, "strerror", None) or error
        warnings.warn(f"{self.path}: answers are not cached ({why}); {_FILE_VARIABLE} can name another file", stacklevel=4)

    def get(self, key: str) -> Any:
        """Return the answer, or None if there is none that is recent and readable."""
        with self._lock:
            answer = self._read(key)
            self.hits, self.misses = self.hits + (answer is not None), self.misses + (answer is None)
            return answer

    def _read(self, key: str) -> Any:
        row = self._tried(lambda file: file.execute("SELECT at, answer FROM answers WHERE key = ?", (key,)).fetchone())
        try:
            return json.loads(row[1]) if row and row[0] >= self.now() - self.ttl else None
        except (ValueError, TypeError, RecursionError):
            return None  # the next answer takes its place

    def put(self, key: str, answer: Any) -> None:
        with self._lock:
            if self._writes:
                self._tried(lambda file: self._write(file, key, json.dumps(answer)), writes=True)

    def _write(self, file: sqlite3.Connection, key: str, answer: str) -> None:
        if len(answer) > self.most_bytes // 2:
            return  # it would cost all others
        file.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", (key, self.now(), answer))
        if _bytes_in(file) > self.most_bytes:
            while _bytes_in(file) > _LEFT * self.most_bytes and file.execute(_OLDEST).rowcount:
                pass

    @property
    def works(self) -> bool:
        """Whether the file can be read."""
        return self._file is not None

    def size(self) -> tuple[int, int]:
        """Return how many answers there are, and their bytes."""
        with self._lock:
            asked = self._tried(lambda file: (file.execute("SELECT count(*) FROM answers").fetchone()[0], _bytes_in(file)))
            return asked or (0, 0)

    def clear(self) -> int:
        """Remove all answers, and return how many there were."""
        with self._lock:
            return self._tried(lambda file: file.execute("DELETE FROM answers").rowcount, writes=True) or 0

    def _tried(self, ask: Callable[[sqlite3.Connection], Any], writes: bool = False) -> Any:
        """Ask the file, and once more if it was damaged and begun anew; return None if that fails."""
        for last in (False, True):
            if self._file is None:
                return None
            try:
                return ask(self._file)
            except sqlite3.Error as error:
                if _is_damage(error) and not last:
                    self._file.close()
                    self._open(again=True)
                    continue
                if writes:  # a full disk, a lock that is never released: what is there can still be read
                    self._writes = False
                    warnings.warn(f"{self.path}: new answers are not cached ({error})", stacklevel=6)
                else:
                    self._give_up(error)
                return None

    def close(self) -> None:
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None


class Damaged(sqlite3.DatabaseError):
    """The file can be opened, but not all of it can be read."""


def _is_damage(error: sqlite3.Error) -> bool:
    return isinstance(error, Damaged) or getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def _bytes_in(file: sqlite3.Connection) -> int:
    """Return the size of what is stored, without the pages that are free again."""
    pages, free, size = (file.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size"))
    return int((pages - free) * size)


class CachedEngine:
    """Sits between DSPy and a model: looks a request up, else asks and caches the answer."""

    def __init__(self, lm: dspy.LM, cache: AnswerCache) -> None:
        self.lm, self.cache = lm, cache
        self.supports_response_schema = lm.supports_response_schema
        self.supports_function_calling = lm.supports_function_calling
        self.supports_reasoning = lm.supports_reasoning
        self.supported_params = lm.supported_params
        self.address, self.served = endpoint_of(lm), ServedModel(lm)

    def __deepcopy__(self, memo: dict[int, Any]) -> "CachedEngine":
        return self

    @property
    def count_tokens(self) -> Callable[[str], int] | None:
        return getattr(self.lm.engine, "count_tokens", None)

    def complete(self, request: lm15.Request) -> lm15.Response:
        with drawn() as sample:
            return self.answer(request, sample)

    def answer(self, request: lm15.Request, sample: Sample) -> lm15.Response:
        try:
            served = self.served.now()
        except Unasked:  # who knows which model would answer: ask it, or hear what is wrong
            return call_inner(self.lm, request)
        asked = {"model": self.lm.model, "at": self.address, "sample": sample, "request": request_to_dict(request)}
        asked |= {"served": served} if served else {}
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
