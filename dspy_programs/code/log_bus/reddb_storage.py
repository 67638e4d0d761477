"""The storage on a RedDB server, by the HTTP calls of dspy-code's adapter.

Calls      GET, PUT /api/kv/NAMESPACE/KEY; POST /api/streams/NAMESPACE/STREAM/append; GET .../read?start=N&count=N, which
           answers [{"offset": N, "value": ...}]; with `Authorization: Bearer REDDB_TOKEN` if there is one.
Limits     these calls cannot write two things at once: if a process is killed between them, the lines of its last batch are
           read again, and two processes on one log may both count them. Nothing is dropped: bound it on the server.
Raises     UsageError if the server does not answer, refuses, or answers something else; the token is in no message.
"""

import json
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from dspy_programs.code.log_bus.storage import Batch, Entry, Stream
from dspy_programs.errors import UsageError

_SECONDS = 10.0
_LARGEST = 64_000_000  # bytes of an answer
_STREAMS, _COUNTS = "bus:streams", "bus:counts"
_SEARCHED = 2_000  # latest entries of each stream


class _NoRedirects(HTTPRedirectHandler):
    """The token goes to no other address."""

    def redirect_request(self, *_: Any) -> None:
        return None


class RedDBStorage:
    """url: http(s)://HOST[:PORT]; namespace: before all keys and streams; token: "" for none."""

    def __init__(self, url: str, namespace: str = "dspy", token: str = "") -> None:
        try:
            parts = urlsplit(url)
            is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:  # no port, or an open bracket
            is_address = False
        if not is_address or "@" in parts.netloc:  # what is wrong is not shown: it may hold a password
            raise UsageError("REDDB_URL: write http://HOST:PORT or https://HOST:PORT; a token goes into REDDB_TOKEN")
        self.base, self.namespace, self.token = url.rstrip("/"), namespace, token
        self._shown = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/"
        handlers = [ProxyHandler({})] if parts.hostname in ("localhost", "127.0.0.1", "::1") else []
        self._open = build_opener(_NoRedirects, *handlers).open

    @property
    def place(self) -> str:
        return f"{self._shown} (namespace {self.namespace})"

    def get(self, key: str) -> Any:
        return self._call("GET", self._pair(key))

    def write(self, batch: Batch) -> bool:
        if any(self.get(key) != value for key, value in batch.expected.items()):
            return False
        if batch.appends:
            told = self._counted(_STREAMS)
            for stream, value in batch.appends:
                self._call("POST", f"/api/streams/{quote(self.namespace, '')}/{quote(stream, '')}/append", value)
                told[stream] = told.get(stream, 0) + 1
            self._call("PUT", self._pair(_STREAMS), told)
        for key, value in batch.puts.items():
            self._call("PUT", self._pair(key), value)
        if batch.counts:
            counts = self.counts()
            for name, count in batch.counts.items():
                counts[name] = counts.get(name, 0) + count
            self._call("PUT", self._pair(_COUNTS), counts)
        return True

    def read(self, stream: str, after: int = 0, most: int = 1_000) -> list[Entry]:
        return self._read(stream, after, most)

    def last(self, stream: str, most: int = 1_000) -> list[Entry]:
        return self._read(stream, max(0, self._counted(_STREAMS).get(stream, 0) - most), most)

    def _read(self, stream: str, start: int, count: int) -> list[Entry]:
        """Return entries; their offsets here begin with 1, so that `after` is where the server starts."""
        path = f"/api/streams/{quote(self.namespace, '')}/{quote(stream, '')}/read?start={start}&count={count}"
        rows = self._call("GET", path) or []
        try:
            return [Entry(stream, int(row["offset"]) + 1, row["value"]) for row in rows]
        except (TypeError, KeyError, ValueError):
            raise UsageError(f"{self._shown}: its answer is not the expected stream; is this a RedDB server?") from None

    def search(self, words: str, most: int = 100, streams: Sequence[str] = ()) -> list[Entry]:
        asked = words.lower().split()
        found = [
            entry
            for stream in self.streams()
            if not streams or stream.name in streams
            for entry in self.last(stream.name, _SEARCHED)
            if asked and all(word in json.dumps(entry.value, ensure_ascii=False).lower() for word in asked)
        ]
        return found[-most:]

    def streams(self) -> list[Stream]:
        return [Stream(name, count, 0, count, 0) for name, count in sorted(self._counted(_STREAMS).items())]

    def counts(self) -> dict[str, int]:
        return self._counted(_COUNTS)

    def _counted(self, key: str) -> dict[str, int]:
        """Return numbers by name. Raises UsageError if the server has something else there."""
        held = self.get(key) or {}
        if not isinstance(held, dict) or not all(isinstance(number, int) for number in held.values()):
            raise UsageError(f"{self._shown}: {key} holds no counts; is this a RedDB server, and REDDB_NAMESPACE ours alone?")
        return held

    def close(self) -> None:
        """There is nothing to close."""

    def _pair(self, key: str) -> str:
        return f"/api/kv/{quote(self.namespace, '')}/{quote(key, '')}"

    def _call(self, method: str, path: str, value: Any = None) -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.token}"} if self.token else {})
        data = None if method == "GET" else json.dumps(value).encode()
        request = Request(self.base + path, data, headers, method=method)
        try:
            with self._open(request, timeout=_SECONDS) as answer:
                text = answer.read(_LARGEST)
            return json.loads(text) if text else None
        except HTTPError as error:
            if error.code == 404 and method == "GET":
                return None
            why = "wrong REDDB_TOKEN" if error.code in (401, 403) else f"HTTP {error.code}"
            raise UsageError(f"{self._shown}: refused ({why})") from None
        except (URLError, OSError, HTTPException) as error:
            raise UsageError(
                f"{self._shown}: does not answer: {getattr(error, 'reason', error)}; is REDDB_URL right?"
            ) from None
        except ValueError:
            raise UsageError(f"{self._shown}: answered no JSON; is this a RedDB server?") from None
