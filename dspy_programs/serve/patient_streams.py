"""The two ends of MCP over stdio, such that the end of the input does not cut off answers that are still to come.

`printf ... | python -m dspy_programs serve mcp` closes stdin as soon as everything is sent; the SDK would then drop the calls
that run. Here the end is passed on when every request has its answer, or has been cancelled, or its time is over.
"""

import asyncio
from typing import Any, Self

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse


class Conversation:
    """Which requests are open. `reading` and `writing` take the place of the transport's streams."""

    def __init__(self, read: Any, write: Any, seconds: float) -> None:
        self.seconds = seconds
        self._open: set[str | int] = set()
        self._settled = asyncio.Event()
        self.reading, self.writing = Reading(read, self), Writing(write, self)

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


class Stream:
    def __init__(self, inner: Any, conversation: Conversation) -> None:
        self.inner, self.conversation = inner, conversation

    async def aclose(self) -> None:
        await self.inner.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()


class Reading(Stream):
    """What the client sends; its end comes when all that was asked is answered."""

    @property
    def last_context(self) -> Any:
        return self.inner.last_context

    async def receive(self) -> SessionMessage | Exception:
        try:
            item: SessionMessage | Exception = await self.inner.receive()
        except anyio.EndOfStream:
            await self.conversation.settled()
            raise
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


class Writing(Stream):
    """What the client is sent."""

    async def send(self, item: SessionMessage, /) -> None:
        await self.inner.send(item)
        self.conversation.answered(item.message)
