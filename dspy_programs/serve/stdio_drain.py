"""Streams for MCP over stdio that let pending answers finish after the input has ended.

`printf ... | python -m dspy_programs serve mcp` closes stdin as soon as everything is sent; the SDK would then drop running
calls. Here the end is passed on once every request is answered, cancelled or out of time.

The SDK says nothing to a line that it cannot read. Here one with half a surrogate pair is read with a question mark in its
place, as by the other servers, and any other is answered with JSON-RPC's error.
"""

import asyncio
import json
import os
import signal
import sys
import threading
from io import TextIOWrapper
from typing import Any, Self

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError

from dspy_programs.jsonable import to_jsonable


class Lines(TextIOWrapper):
    """Standard output for the protocol alone, a line at a time; whatever else is printed goes to standard error."""

    def __init__(self) -> None:
        super().__init__(os.fdopen(os.dup(1), "wb"), encoding="utf-8")
        os.dup2(sys.stderr.fileno(), 1)
        self._whole = threading.Lock()

    def write(self, text: str, /) -> int:
        with self._whole:
            written = super().write(text)
            self.flush()
        return written

    def ended_by_signals(self, seconds: float) -> None:
        """Let SIGINT and SIGTERM end the process: after the line that is being written, if it is read within `seconds`."""

        def end(number: int, _: object) -> None:
            signal.signal(number, signal.SIG_DFL)
            self._whole.acquire(timeout=seconds)
            signal.raise_signal(number)

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)


class Conversation:
    """Tracks open requests. `reading` and `writing` replace the transport's streams."""

    def __init__(self, read: Any, write: Any, seconds: float) -> None:
        self.seconds = seconds
        self._open: set[str | int] = set()
        self._settled = asyncio.Event()
        self.reading, self.writing = Reading(read, self), Writing(write, self)

    async def understood(self, error: Exception) -> SessionMessage | Exception | None:
        """Return the message in a line that could not be read; None if there is none, and the client was told."""
        if not isinstance(error, ValidationError):
            return error
        line = error.errors()[0]["input"]
        try:
            sent = to_jsonable(json.loads(line)) if isinstance(line, str) else line
            return SessionMessage(jsonrpc_message_adapter.validate_python(sent, by_name=False))
        except ValidationError:
            await self._refuse(INVALID_REQUEST, "not a request, a response or a notification", sent)
        except (ValueError, RecursionError):
            if line.strip():
                await self._refuse(PARSE_ERROR, "not JSON", None)
        return None

    async def _refuse(self, code: int, why: str, sent: Any) -> None:
        id_ = sent.get("id") if isinstance(sent, dict) else None
        id_ = id_ if type(id_) in (int, str) else None
        await self.writing.send(SessionMessage(JSONRPCError(jsonrpc="2.0", id=id_, error=ErrorData(code=code, message=why))))

    def asked(self, message: Any) -> None:
        if isinstance(message, JSONRPCRequest):
            self._open.add(message.id)
        elif isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            self._end((message.params or {}).get("requestId"))

    def answered(self, message: Any) -> None:
        if isinstance(message, JSONRPCResponse | JSONRPCError):
            self._end(message.id)

    def _end(self, id_: Any) -> None:
        if isinstance(id_, str | int):
            self._open.discard(id_)
        self._settled.set()

    async def settled(self) -> None:
        """Wait until no request is open."""
        try:
            async with asyncio.timeout(self.seconds):
                while self._open:
                    self._settled.clear()
                    await self._settled.wait()
        except TimeoutError:
            return


class _Stream:
    def __init__(self, inner: Any, conversation: Conversation) -> None:
        self.inner, self.conversation = inner, conversation

    async def aclose(self) -> None:
        await self.inner.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()


class Reading(_Stream):
    """What the client sends; it ends when every request is answered."""

    @property
    def last_context(self) -> Any:
        return self.inner.last_context

    async def receive(self) -> SessionMessage | Exception:
        item: SessionMessage | Exception | None = None
        while item is None:
            try:
                item = await self.inner.receive()
            except anyio.EndOfStream:
                await self.conversation.settled()
                raise
            if isinstance(item, Exception):
                item = await self.conversation.understood(item)
        if isinstance(item, SessionMessage):
            self.conversation.asked(item.message)
        return item

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None


class Writing(_Stream):
    """What is sent to the client."""

    async def send(self, item: SessionMessage, /) -> None:
        await self.inner.send(item)
        self.conversation.answered(item.message)
