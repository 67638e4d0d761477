"""A server that speaks OpenAI's protocol: the body goes there as it came, with that server's name for the model.

Guarantees tools, pictures, temperature 0 and fields that nobody here knows arrive unchanged; no redirect is followed, so the
           key goes nowhere else; an answer never tells the key; an answer has a limit in size, and in time from its request
           to its last byte; what a client gets is JSON, and the parts that clients read have their types.
"""

import json
import math
import time
from collections.abc import Iterable, Iterator
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any, NoReturn

from dspy_programs.lm import without_keys
from dspy_programs.router.catalogue import Model
from dspy_programs.router.upstreams.connections import Connections, Reply
from dspy_programs.router.upstreams.upstream import Json, UpstreamError, cure_of, is_chunk, is_completion

_LARGEST = 50_000_000  # bytes of an answer
_LARGEST_ERROR = 20_000
_LONGEST_WAIT = 3_600.0  # seconds that a server may ask for
_SHORTEST_KEY = 8  # characters: a shorter one may be part of any word


class HttpUpstream:
    """One model of one server."""

    def __init__(self, model: Model) -> None:
        assert model.base is not None
        self.name, self._model = model.spec.partition("/")[2], model
        self._connections = Connections(f"{model.base}/chat/completions")

    def complete(self, body: Json, seconds: float) -> Json:
        reply, key = self._sent(body, seconds)
        try:
            return _completion(_whole(reply, key))
        finally:
            reply.close()

    def stream(self, body: Json, seconds: float) -> Iterator[Json]:
        reply, key = self._sent(body, seconds)
        chunks = _chunks(reply, key)
        try:
            first = next(chunks)
        except StopIteration:
            raise UpstreamError("its stream had no chunk", "retry", may_cost=True) from None
        return _begun(first, chunks)

    def _sent(self, body: Json, seconds: float) -> tuple[Reply, str | None]:
        """Send a body; return the head of the answer, and the key that it was asked with."""
        key = self._model.key
        if key is None and (variable := self._model.key_env or self._model.providers_variable) and not self._model.api_base:
            raise UpstreamError(f"no key: set {variable}", "next")
        if key and not (key.isascii() and key.isprintable()):
            raise UpstreamError("its key cannot be sent in a header", "next")
        try:
            data = json.dumps({**body, "model": self.name}, ensure_ascii=False, allow_nan=False)
        except ValueError:
            raise UpstreamError("the request has a number that JSON cannot have", "refused", status=400) from None
        try:
            reply = self._connections.post(data.encode("utf-8", "surrogatepass"), key, time.monotonic() + seconds)
        except TimeoutError:  # another model is asked: this one had its time
            raise UpstreamError("no answer in time", "next", may_cost=True) from None
        except (OSError, HTTPException, UnicodeError) as error:
            raise UpstreamError(
                f"no connection ({getattr(error, 'strerror', None) or type(error).__name__})", "retry"
            ) from None
        if reply.status != 200:
            raise _failed(reply, key)
        return reply, key


def _completion(text: bytes) -> Json:
    completion = _json(text, "its answer is not JSON")
    if not is_completion(completion):
        raise UpstreamError(f"its answer has no choices{_said_in(completion)}", "retry", may_cost=True)
    return completion


def _chunks(reply: Reply, key: str | None) -> Iterator[Json]:
    """Yield the chunks of an event stream; of a server that cannot stream, its whole answer."""
    try:
        if not (reply.header("Content-Type") or "").startswith("text/event-stream"):
            yield _completion(_whole(reply, key))
            return
        for line in _lines(_within(reply)):
            name, _, data = line.partition(b":")
            if name != b"data" or not data.strip():
                continue
            if data.strip() == b"[DONE]":
                for _ in _within(reply):  # the end of the body, so that the connection can be kept
                    pass
                return
            yield _chunk(_without(data, key))
        raise UpstreamError("its stream broke off", "retry", may_cost=True)
    finally:
        reply.close()


def _begun(first: Json, rest: Iterator[Json]) -> Iterator[Json]:
    yield first
    yield from rest


def _chunk(data: bytes) -> Json:
    chunk = _json(data, "a chunk of its stream is not JSON")
    if not isinstance(chunk, dict) or chunk.get("error"):
        raise UpstreamError(f"its stream failed{_said_in(chunk)}", "retry", may_cost=True)
    if not is_chunk(chunk):
        raise UpstreamError("a chunk of its stream is not in OpenAI's protocol", "retry", may_cost=True)
    return chunk


def _json(text: bytes, otherwise: str) -> Any:
    try:
        return _DECODER.decode(text.decode())
    except (ValueError, RecursionError):
        raise UpstreamError(otherwise, "retry", may_cost=True) from None


def _not_json(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        _not_json(text)
    return number


_DECODER = json.JSONDecoder(parse_constant=_not_json, parse_float=_finite)  # NaN, 1e999: no client could read them


def _whole(reply: Reply, key: str | None) -> bytes:
    return _without(b"".join(_within(reply)), key)


def _within(reply: Reply, most: int = _LARGEST) -> Iterator[bytes]:
    """Yield a body as it comes. Raises UpstreamError where it breaks off, and beyond its limits."""
    size = 0
    try:
        for piece in reply.pieces():
            if (size := size + len(piece)) > most:
                raise UpstreamError(f"its answer is longer than {most:,} bytes", "next", may_cost=True)
            yield piece
    except TimeoutError:
        raise UpstreamError("its answer was not complete in time", "next", may_cost=True) from None
    except (OSError, HTTPException) as error:
        raise UpstreamError(f"its answer broke off ({type(error).__name__})", "retry", may_cost=True) from None


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


def _failed(reply: Reply, key: str | None) -> UpstreamError:
    """Return the error of a status, with what the server says, less any key."""
    try:
        told = _said_in(json.loads(b"".join(_within(reply, _LARGEST_ERROR))))
    except (UpstreamError, ValueError, RecursionError):
        told = ""
    finally:
        reply.close()
    line = without_keys(f"HTTP {reply.status}{told}", [key] if key else [])
    return UpstreamError(line, cure_of(reply.status), _wait_of(reply.header("Retry-After")), reply.status)


def _said_in(answer: Any) -> str:
    error = answer.get("error") if isinstance(answer, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return f": {message[:200]}" if isinstance(message, str) else ""


def _wait_of(asked: str | None) -> float | None:
    """Return the seconds of a Retry-After, which has them or a date."""
    if not asked:
        return None
    try:
        seconds = float(asked)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(asked).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None  # our own wait will do
    return min(max(0.0, seconds), _LONGEST_WAIT)
