"""Large requests, which would stop the event loop while they are parsed: worker processes parse and answer them.

Input      an ASGI app; the worker pool; the operations by their REST paths. Bodies arrive whole.
Guarantees a large REST request that the rules answer is answered by a process, with the same answers and problems as a small
           one; one that may ask the model is checked by a process and then read in a thread, if that takes a moment; a large
           call of A2A or MCP reaches the app as one that is easy to parse, with a tool's arguments in the scope until the
           request ends; a request to the router has only as many values as the event loop may read. All else passes through.
"""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dspy_programs.serve.light_calls import BESIDE, may_have_many, take_arguments
from dspy_programs.serve.operations import OPERATIONS, Operation, perform
from dspy_programs.serve.problems import SlowClient, TooLarge
from dspy_programs.serve.rule_processes import LARGE, SMALL
from dspy_programs.serve.security import replayed
from dspy_programs.serve.typed_requests import request_from
from dspy_programs.serve.worker_pool import WorkerPool

_BY_PATH = {operation.path: operation for operation in OPERATIONS.values()}
_CALLS = ("/a2a", "/mcp")
_ROUTED = ("/route", "/v1/chat/completions")
T = TypeVar("T")


class LargeRequests:
    """An ASGI layer."""

    def __init__(self, app: ASGIApp, worker_pool: WorkerPool) -> None:
        self.app, self.worker_pool = app, worker_pool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        operation = _BY_PATH.get(scope.get("path", ""))
        if scope["type"] != "http" or scope["method"] != "POST" or not (operation or scope["path"] in _CALLS + _ROUTED):
            return await self.app(scope, receive, send)
        body = (await receive())["body"]
        if scope["path"] in _ROUTED:
            if may_have_many(body):
                await unless_gone(receive, self.worker_pool.run_in_process("check values", body))
        elif len(body) > LARGE and operation is None:
            body, _, arguments = (await unless_gone(receive, self._light(body))).partition(b"\n")
            scope[BESIDE] = [arguments] if arguments else []
        elif operation and "json" in Headers(scope=scope).get("content-type", "") and len(body) > self._in_here(operation):
            return await json_response(await unless_gone(receive, self._answer(operation, body)))(scope, receive, send)
        try:
            return await self.app(scope, replayed(body, receive), send)
        finally:
            take_arguments(scope)  # if nobody did

    def _in_here(self, operation: Operation) -> int:
        """Return the bytes of a request that is parsed in the event loop and, by the rules, answered in a thread."""
        return SMALL if self.worker_pool.by_rules(operation.asks_model) else LARGE

    async def _answer(self, operation: Operation, body: bytes) -> bytes | str:
        if self.worker_pool.by_rules(operation.asks_model):
            return await self.worker_pool.run_in_process(operation.name, body)
        await self.worker_pool.run_in_process(f"check {operation.name}", body)
        request = await asyncio.to_thread(lambda: request_from(operation, json.loads(body)))
        return await perform(operation, request, self.worker_pool)

    async def _light(self, body: bytes) -> bytes:
        if len(body) > (most := self.worker_pool.limits.call_bytes):
            raise TooLarge(f"a call has at most {most} bytes; REST takes more")
        return await self.worker_pool.run_in_process("light" if self.worker_pool.by_rules() else "light few", body)


def json_response(answer: bytes | str) -> Response:
    return Response(answer, media_type="application/json")


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
