"""A server that speaks OpenAI's protocol: the body goes there as it came, with that server's name for the model.

Guarantees tools, pictures, temperature 0 and fields that nobody here knows arrive unchanged; connections are kept and shared by
           threads; no redirect is followed, so the key goes nowhere else; an answer never tells the key; an answer has a limit
           in size, and in time from its request to its last byte.
"""

import json
import time
from collections.abc import Iterable, Iterator
from typing import Any

import urllib3

from dspy_programs.lm import without_keys
from dspy_programs.router.catalogue import Model
from dspy_programs.router.upstreams.upstream import Json, UpstreamError, cure_of

_LARGEST = 50_000_000  # bytes of an answer
_PIECE = 65_536
_CONNECTIONS = 64  # kept of one server
_LONGEST_WAIT = 3_600.0  # seconds that a server may ask for
_SHORTEST_KEY = 8  # characters: a shorter one may be part of any word

POOL = urllib3.PoolManager(num_pools=100, maxsize=_CONNECTIONS, retries=False)


class HttpUpstream:
    """One model of one server."""

    def __init__(self, model: Model, pool: urllib3.PoolManager = POOL) -> None:
        assert model.base is not None
        self.url, self.name, self._pool = f"{model.base}/chat/completions", model.spec.partition("/")[2], pool
        self._model = model

    def complete(self, body: Json, seconds: float) -> Json:
        ends = time.monotonic() + seconds
        response, key = self._sent(body, seconds)
        try:
            text = b"".join(_within(response, ends))
        except urllib3.exceptions.HTTPError as error:
            raise _broken(error) from None
        finally:
            response.release_conn()
        return self._completion(_without(text, key))

    def stream(self, body: Json, seconds: float) -> Iterator[Json]:
        response, key = self._sent(body, seconds)
        chunks = self._chunks(response, key, time.monotonic() + seconds)
        try:
            first = next(chunks)
        except StopIteration:
            raise UpstreamError("its stream had no chunk", "retry") from None
        return _begun(first, chunks)

    def _sent(self, body: Json, seconds: float) -> tuple[urllib3.BaseHTTPResponse, str | None]:
        """Send a body; return the head of the answer, and the key that it was asked with."""
        key = self._model.key
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        data = json.dumps({**body, "model": self.name}, ensure_ascii=False).encode("utf-8", "surrogatepass")
        try:
            response = self._pool.request(
                "POST",
                self.url,
                body=data,
                headers=headers,
                timeout=urllib3.Timeout(total=seconds),
                preload_content=False,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise _broken(error) from None
        except ValueError:
            raise UpstreamError("its key cannot be sent in a header", "next") from None
        if response.status != 200:
            raise _failed(response, key)
        return response, key

    def _completion(self, text: bytes) -> Json:
        try:
            completion = json.loads(text)
        except (ValueError, RecursionError):
            raise UpstreamError("its answer is not JSON", "retry") from None
        if not isinstance(completion, dict) or not completion.get("choices"):
            raise UpstreamError(f"its answer has no choices{_said_in(completion)}", "retry")
        return completion

    def _chunks(self, response: urllib3.BaseHTTPResponse, key: str | None, ends: float) -> Iterator[Json]:
        """Yield the chunks of an event stream; of a server that cannot stream, its whole answer."""
        try:
            if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
                yield self._completion(_without(b"".join(_within(response, ends)), key))
                return
            for line in _lines(_within(response, ends)):
                name, _, data = line.partition(b":")
                if name != b"data" or not data.strip():
                    continue
                if data.strip() == b"[DONE]":
                    return
                yield _chunk(_without(data, key))
            raise UpstreamError("its stream broke off", "retry")
        except urllib3.exceptions.HTTPError as error:
            raise _broken(error) from None
        finally:
            response.close()


def _begun(first: Json, rest: Iterator[Json]) -> Iterator[Json]:
    yield first
    yield from rest


def _chunk(data: bytes) -> Json:
    try:
        chunk = json.loads(data)
    except (ValueError, RecursionError):
        raise UpstreamError("a chunk of its stream is not JSON", "retry") from None
    if not isinstance(chunk, dict) or chunk.get("error"):
        raise UpstreamError(f"its stream failed{_said_in(chunk)}", "retry")
    return chunk


def _within(response: urllib3.BaseHTTPResponse, ends: float) -> Iterator[bytes]:
    """Yield a body as it comes. Raises UpstreamError beyond its limits."""
    size = 0
    pieces = response.read_chunked() if response.chunked else iter(lambda: response.read1(_PIECE), b"")
    for piece in pieces:
        if (size := size + len(piece)) > _LARGEST:
            response.close()
            raise UpstreamError(f"its answer is longer than {_LARGEST:,} bytes", "next")
        if time.monotonic() > ends:
            response.close()
            raise UpstreamError("its answer was not complete in time", "next")
        yield piece


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines as they are complete, in time linear in a line that comes in many pieces."""
    rest: list[bytes] = []
    for piece in pieces:
        *whole, last = piece.split(b"\n")
        for line in whole:
            yield b"".join([*rest, line])
            rest = []
        rest.append(last)
    if any(rest):
        yield b"".join(rest)


def _without(text: bytes, key: str | None) -> bytes:
    return text.replace(key.encode(), b"[key]") if key and len(key) >= _SHORTEST_KEY else text


def _failed(response: urllib3.BaseHTTPResponse, key: str | None) -> UpstreamError:
    """Return the error of a status, with what the server says, less any key."""
    try:
        said = response.read(20_000).decode("utf-8", "replace")
    except urllib3.exceptions.HTTPError:
        said = ""
    finally:
        response.close()
    try:
        told = _said_in(json.loads(said))
    except (ValueError, RecursionError):
        told = ""
    line = without_keys(f"HTTP {response.status}{told}", [key] if key else [])
    return UpstreamError(line, cure_of(response.status), _wait_of(response.headers.get("Retry-After")), response.status)


def _said_in(answer: Any) -> str:
    error = answer.get("error") if isinstance(answer, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return f": {message[:200]}" if isinstance(message, str) else ""


def _wait_of(asked: str | None) -> float | None:
    try:
        return min(max(0.0, float(asked)), _LONGEST_WAIT) if asked else None
    except ValueError:
        return None  # a date: our own wait will do


def _broken(error: urllib3.exceptions.HTTPError) -> UpstreamError:
    """Return the error of a connection. After a time-out another model is asked: this one had its time."""
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, urllib3.exceptions.TimeoutError) and not isinstance(reason, urllib3.exceptions.NewConnectionError):
        return UpstreamError("no answer in time", "next")
    return UpstreamError(f"no connection ({type(reason).__name__})", "retry")
