"""A request sent on to a model that stands behind another one, where it must not be counted a second time.

An engine of ours may stand between DSPy and a model: to hold it to a schema, to keep its answers, to write a journal. DSPy
has run its callbacks and will count the usage for the outer model; `dspy.LM.__call__` on the inner one would do so again.
"""

from typing import Any

import dspy
from dspy import lm15
from dspy.clients.execution import _engine, execute, prepare


def ask(lm: dspy.LM, request: lm15.Request) -> lm15.Response:
    """Return the answer of `lm`, with its own retries. Nothing goes into the stream of the caller: it sends its own."""
    with dspy.context(send_stream=None):
        response: lm15.Response = execute(lm, prepare(lm, None, None, {"request": request})).typed(request, lm.model_type)
    return response


def transport_of(lm: dspy.LM, request: lm15.Request) -> tuple[Any, lm15.Request]:
    """Return DSPy's engine that sends a request of `lm` once, and the request in that engine's form."""
    engine, routed, _ = _engine(lm, prepare(lm, None, None, {"request": request}), False)
    return engine, routed
