"""The router behind the server: threads of its own, so that slow models hold up nothing else, and errors as clients see them.

Guarantees `at_once` requests are under way, `waiting` more wait, and any other is refused; what a key may use in a day holds
           here too, also for requests at the same time: what each may take is booked before it is sent; the client of a stream
           that goes away ends it.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from dspy_programs.errors import BudgetSpent, UsageError
from dspy_programs.router import AllBusy, Answer, Needs, NoModelFits, NoneAnswered, Router, Stream, UpstreamError, used_in
from dspy_programs.serve.keys import CALLER
from dspy_programs.serve.problems import (
    BadGateway,
    Busy,
    Invalid,
    Malformed,
    ServeError,
    Spent,
    TooLarge,
    Unavailable,
    openai_fault,
    to_serve_error,
)
from dspy_programs.serve.spending import Spending

T = TypeVar("T")
_BYTES = 200  # of a chunk, which usually has one token: for streams that do not tell
_HOUR = 3600  # seconds after which a spent budget is worth another look
_REFUSED: dict[int | None, type[ServeError]] = {400: Malformed, 413: TooLarge, 415: Malformed, 422: Invalid}


class _Booked:
    """What a request may take of its key's day, until it is known what it took."""

    def __init__(self, spending: Spending, needs: Needs) -> None:
        """Raises Spent if that much is not left."""
        self.spending, self.key = spending, CALLER.get() or ""
        self.prompt, self.tokens = needs.prompt, needs.prompt + needs.answer * needs.choices
        with spending.lock:
            spending.check(self.key, 1, self.tokens)
            spending.add(self.key, 1, self.tokens)

    def took(self, calls: int, tokens: int) -> None:
        self.spending.add(self.key, calls - 1, tokens - self.tokens)


class RouterCalls:
    """Runs calls of one router."""

    def __init__(self, router: Router, spending: Spending) -> None:
        server = router.catalogue.server
        self.router, self.spending = router, spending
        self._threads = ThreadPoolExecutor(server.at_once, thread_name_prefix="router")
        self._most, self._open = server.at_once + server.waiting, 0

    async def chat(self, needs: Needs, call: Callable[[], Answer]) -> Answer:
        """Return an answer. Raises ServeError."""
        with self._place(needs) as booked:
            answer = await self._run(call)
        if answer.cached:
            booked.took(0, 0)
        elif (tokens := _tokens_of(answer.completion)) is not None:
            booked.took(1, tokens)
        return answer

    async def stream(self, needs: Needs, call: Callable[[], Stream]) -> tuple[Stream, AsyncIterator[bytes]]:
        """Return a stream that has begun, and its events. Raises ServeError."""
        with self._place(needs) as booked:
            stream = await self._run(call)
        return stream, self._events(stream, booked)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.router.close()

    async def shown(self, call: Callable[[], T]) -> T:
        """Run what may ask the cache's server."""
        return await self._run(call)

    @contextlib.contextmanager
    def _place(self, needs: Needs) -> Iterator[_Booked]:
        if self._open >= self._most:
            raise Busy(f"{self._open} requests are under way or wait; try again in a second")
        booked = _Booked(self.spending, needs)
        self._open += 1
        try:
            yield booked
        except ServeError:
            booked.took(0, 0)
            raise
        finally:
            self._open -= 1

    async def _run(self, call: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except Exception as error:
            raise as_serve_error(error) from None

    async def _events(self, stream: Stream, booked: _Booked) -> AsyncIterator[bytes]:
        chunks = iter(stream.chunks)
        size, tokens = 0, None
        try:
            while (chunk := await self._run(lambda: next(chunks, None))) is not None:
                event = _event({**chunk, "model": stream.model})
                size, tokens = size + len(event), _tokens_of(chunk) or tokens
                yield event
            yield b"data: [DONE]\n\n"
        except ServeError as error:  # the status is sent already
            yield _event({"error": openai_fault(error)})
        finally:
            if stream.cached:
                booked.took(0, 0)
            else:
                booked.took(1, booked.prompt + size // _BYTES if tokens is None else tokens)
            if (close := getattr(chunks, "close", None)) is not None:
                self._threads.submit(close)


def as_serve_error(error: Exception) -> ServeError:
    """Return what a client is told. A limit that no model meets is the request's fault, a failing model is not."""
    if isinstance(error, NoneAnswered):
        return _REFUSED.get(error.status, BadGateway)(str(error))
    if isinstance(error, UpstreamError):
        return BadGateway(f"the model broke off: {error}")
    if isinstance(error, (NoModelFits, UsageError)):
        return Invalid(str(error))
    if isinstance(error, AllBusy):
        busy = Unavailable(str(error))
        busy.retry_after = max(1, round(error.seconds))
        return busy
    if isinstance(error, BudgetSpent):
        return Spent(str(error), _HOUR)
    return to_serve_error(error)


def _tokens_of(answer: dict[str, Any]) -> int | None:
    """Return the tokens that a completion or a chunk says it took."""
    used = used_in(answer)
    return None if used is None else sum(used)


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False).encode("utf-8", "replace") + b"\n\n"
