"""The wire between DSPy and a server: limits on the whole answer, in time and size, and tolerance for odd usage figures.

DSPy's own time limit applies to the next byte, so a server that sends one byte a second is awaited forever; and it rejects an
answer whose token counts are negative, text or nested wrongly, although the answer itself is complete.
"""

import contextlib
import dataclasses
import json
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

from dspy._vendor.lm15.transports import ProtocolError, ReadTimeout, StdlibTransport, TransportRequest, TransportResponse
from dspy.clients.engines.lm15_engine import LM15Engine

LARGEST_ANSWER = 50_000_000  # bytes; 16,000 tokens with the likelihood of 20 others each are about 30 million
JSON, EVENTS = "application/json", "text/event-stream"


_ENDS: ContextVar[float | None] = ContextVar("ends", default=None)


@contextlib.contextmanager
def ending_at(ends: float) -> Iterator[None]:
    """Let no request of the block last longer than to `ends` on the monotonic clock, with all its retries."""
    token = _ENDS.set(ends)
    try:
        yield
    finally:
        _ENDS.reset(token)


def seconds_left() -> float | None:
    """Return the seconds to the end that `ending_at` set, None if there is none."""
    ends = _ENDS.get()
    return None if ends is None else max(0.0, ends - time.monotonic())


class Transport(StdlibTransport):
    """DSPy's transport. seconds: for a complete answer, from its request to its last byte; None: no limit."""

    def __init__(self, seconds: float | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.seconds = seconds

    def stream(self, request: TransportRequest) -> TransportResponse:
        seconds = self.seconds_for_one()
        began = time.monotonic()
        response = super().stream(request)
        response._chunks = mended(response.header("content-type") or JSON, _within(seconds, began, response._chunks))
        return response

    def seconds_for_one(self) -> float | None:
        """Return the seconds that one answer may take from now on. Raises ReadTimeout if there are none."""
        left = seconds_left()
        if left == 0:
            raise ReadTimeout("no time is left for this request")
        return min((one for one in (self.seconds, left) if one is not None), default=None)

    def _read_head(self, conn: Any, *, read_timeout: float) -> Any:
        if (seconds := self.seconds_for_one()) is None:
            return super()._read_head(conn, read_timeout=read_timeout)
        late = threading.Timer(seconds, socket.socket.shutdown, [conn.sock, socket.SHUT_RDWR])  # under TLS too
        late.daemon = True
        late.start()
        try:
            return super()._read_head(conn, read_timeout=read_timeout)
        finally:
            late.cancel()


def _within(seconds: float | None, began: float, chunks: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        if seconds is not None and time.monotonic() - began > seconds:
            raise ReadTimeout(f"the answer was not complete after {seconds:g} seconds")
        if (size := size + len(chunk)) > LARGEST_ANSWER:
            raise ProtocolError(f"the answer is longer than {LARGEST_ANSWER:,} bytes")
        yield chunk


def with_transport(engine: LM15Engine, seconds: float | None) -> LM15Engine:
    """Return the engine with this transport instead of its own."""
    transport = Transport(seconds, **engine.config.transport_kwargs())
    return LM15Engine(
        dataclasses.replace(engine.config, timeouts=None, max_connections=None, transport=transport),
        model_type=engine.model_type,
    )


def mended(content_type: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Pass a body on: an event stream line by line, as it comes; JSON as a whole; anything else unchanged."""
    if content_type.startswith(EVENTS):
        yield from map(_without_odd_usage, lines(chunks))
    elif content_type.startswith(JSON):
        yield _without_odd_usage(b"".join(chunks))
    else:
        yield from chunks


def lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a body as they are complete, in time linear in a line that comes in many chunks."""
    rest: list[bytes] = []
    for chunk in chunks:
        *whole, last = chunk.split(b"\n")
        for line in whole:
            yield b"".join([*rest, line, b"\n"])
            rest = []
        rest.append(last)
    if any(rest):
        yield b"".join(rest)


def _without_odd_usage(data: bytes) -> bytes:
    """Remove non-counts from `usage`; everything else stays, byte for byte if there is nothing to remove."""
    if b'"usage"' not in data:
        return data
    start = data.find(b"{")
    try:
        body = json.loads(data[start:])
    except (ValueError, RecursionError):
        return data
    holders = [holder for holder in (body, body.get("message")) if isinstance(holder, dict) and "usage" in holder]
    counted = [(holder, _counts_of(holder["usage"])) for holder in holders]
    if all(holder["usage"] == counts for holder, counts in counted):
        return data
    for holder, counts in counted:
        holder["usage"] = counts
    end = b"\n" if data.endswith(b"\n") else b""
    return data[:start] + json.dumps(body).encode() + end


def _counts_of(usage: Any) -> Any:
    """Return the counts in a usage report and its parts; None if it is not a report."""
    if not isinstance(usage, dict):
        return None
    parts = {name: _counts_of(value) for name, value in usage.items() if isinstance(value, dict) or name.endswith("_details")}
    return {name: parts.get(name, value) for name, value in usage.items() if name in parts or _is_count(name, value)}


def _is_count(name: str, value: Any) -> bool:
    """Return whether a figure is a valid token count; figures not named as counts may be anything."""
    return value is None or not name.endswith("_tokens") or (type(value) is int and value >= 0)
