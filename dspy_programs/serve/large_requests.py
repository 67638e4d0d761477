"""Large requests, which would stop the event loop while they are parsed: worker processes parse and answer them.

Input      an ASGI app; the worker pool; the operations by their REST paths. Bodies arrive whole.
Guarantees a large REST request that the rules answer is answered by a process, with the same answers and problems as a small
           one; one that may ask the model reaches the app if it can be read in a moment; a large call of A2A or MCP reaches
           it as one that is easy to parse, with a tool's arguments in the scope until the request ends. All else passes
           through.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dspy_programs.serve.light_calls import BESIDE, take_arguments
from dspy_programs.serve.operations import OPERATIONS, Operation
from dspy_programs.serve.problems import SlowClient, TooLarge
from dspy_programs.serve.rule_processes import LARGE, SMALL
from dspy_programs.serve.security import replayed
from dspy_programs.serve.worker_pool import WorkerPool

_BY_PATH = {operation.path: operation for operation in OPERATIONS.values()}
_CALLS = ("/a2a", "/mcp")
T = TypeVar("T")


class LargeRequests:
    """An ASGI layer."""

    def __init__(self, app: ASGIApp, worker_pool: WorkerPool) -> None:
        self.app, self.worker_pool = app, worker_pool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        operation = _BY_PATH.get(scope.get("path", ""))
        if scope["type"] != "http" or scope["method"] != "POST" or not (operation or scope["path"] in _CALLS):
            return await self.app(scope, receive, send)
        body = (await receive())["body"]
        if len(body) > LARGE and operation is None:
            body, _, arguments = (await unless_gone(receive, self._light(body))).partition(b"\n")
            scope[BESIDE] = [arguments] if arguments else []
        elif operation and "json" in Headers(scope=scope).get("content-type", "") and len(body) > self._in_here(operation):
            by_rules = self.worker_pool.by_rules(operation.asks_model)
            job = operation.name if by_rules else f"check {operation.name}"
            answer = await unless_gone(receive, self.worker_pool.run_in_process(job, body))
            if by_rules:
                return await Response(answer, media_type="application/json")(scope, receive, send)
        try:
            return await self.app(scope, replayed(body, receive), send)
        finally:
            take_arguments(scope)  # if nobody did

    def _in_here(self, operation: Operation) -> int:
        """Return the bytes of a request that is parsed in the event loop and, by the rules, answered in a thread."""
        return SMALL if self.worker_pool.by_rules(operation.asks_model) else LARGE

    async def _light(self, body: bytes) -> bytes:
        if len(body) > (most := self.worker_pool.limits.call_bytes):
            raise TooLarge(f"a call has at most {most} bytes; REST takes more")
        return await self.worker_pool.run_in_process("light" if self.worker_pool.by_rules() else "light few", body)


async def unless_gone(receive: Receive, running: Coroutine[Any, Any, T]) -> T:
    """Return the answer; stop the work if the client closes the connection."""
    work, gone = asyncio.ensure_future(running), asyncio.ensure_future(receive())
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise SlowClient("the client has closed the connection")
        return work.result()
    finally:
        work.cancel()
        gone.cancel()
        del work  # its exception has this frame: a ring, which would keep the body until Python looks for rings
