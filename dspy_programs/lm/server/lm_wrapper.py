"""Shared code of the wrappers between DSPy and a model: how they call that model, and how DSPy calls them.

Our engines sit between DSPy and a model to enforce a schema, cache answers or write a journal. DSPy has already run its
callbacks and counts the usage for the outer model; `dspy.LM.__call__` on the inner one would do so again.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import dspy
from dspy import lm15
from dspy.clients.execution import _engine, execute, prepare

from dspy_programs.lm.samples import call_of, drawn


def call_inner(lm: dspy.LM, request: lm15.Request) -> lm15.Response:
    """Return the answer of `lm`, with its own retries. Sends nothing to the caller's stream, which has its own events."""
    with dspy.context(send_stream=None), drawn() as sample:
        asked = {"request": request} | ({"rollout_id": sample} if sample else {})  # for DSPy's cache, if `lm` has it on
        response: lm15.Response = execute(lm, prepare(lm, None, None, asked)).typed(request, lm.model_type)
    return response


def endpoint_of(lm: dspy.BaseLM) -> str | None:
    """Return a model's address, if it is not its provider's: two servers may use one name for different weights."""
    engine = getattr(lm, "engine", None)
    place: str | None = getattr(engine, "lm", lm).kwargs.get("api_base") or getattr(engine, "url", None)
    return place


def transport_of(lm: dspy.LM, request: lm15.Request) -> tuple[Any, lm15.Request]:
    """Return DSPy's engine that sends a request of `lm` once, and the request in that engine's form."""
    engine, routed, _ = _engine(lm, prepare(lm, None, None, {"request": request}), False)
    return engine, routed


class InThread:
    """The same engine for `acall` and `aforward`: each step runs in a thread, so the event loop is not blocked."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine

    def __deepcopy__(self, memo: dict[int, Any]) -> "InThread":
        return self

    async def complete(self, request: lm15.Request) -> lm15.Response:
        return await asyncio.to_thread(self.engine.complete, request)

    async def stream(self, request: lm15.Request) -> AsyncIterator[Any]:
        events = await asyncio.to_thread(self.engine.stream, request)
        while (event := await asyncio.to_thread(next, events, None)) is not None:
            yield event

    async def aclose(self) -> None:
        self.engine.close()


class Model(dspy.LM):
    """A dspy.LM that passes on to its engines which sample a request asks for."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with call_of(self.rollout(kwargs)):
            return super().__call__(*args, **kwargs)

    async def acall(self, *args: Any, **kwargs: Any) -> Any:
        with call_of(self.rollout(kwargs)):
            return await super().acall(*args, **kwargs)

    def rollout(self, asked: Mapping[str, Any]) -> Any:
        return asked.get("rollout_id", self.kwargs.get("rollout_id"))


def wrap(engine: Any, model: str, *, retries: int = 0, **decoding: Any) -> dspy.LM:
    """Return a model of that name that uses `engine`, also asynchronously."""
    return Model(model, engine=engine, async_engine=InThread(engine), cache=False, num_retries=retries, **decoding)
