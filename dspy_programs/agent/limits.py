"""What a run may use, what it has used, and why it must stop.

Input      Limits: iterations of the loop, tokens, seconds and USD of the whole run; None for no limit.
Output     Meter.reached() -> why the run must stop, "" if it may go on; Cost, what was used.
Guarantees the tokens are those of every model of the run, whichever thread asks; a model without a price counts as 0 USD
           and is counted in `unpriced_calls`.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import dspy
from dspy import lm15
from dspy.clients.costs import estimate_cost
from pydantic import BaseModel

from dspy_programs.agent.telling.spans import chat_span
from dspy_programs.lm import call_inner, decoding, wrap


@dataclass(frozen=True)
class Limits:
    """How much a run may use."""

    iterations: int = 25
    """Rounds of the loop, each of which runs every task that is ready."""
    tokens: int | None = None
    """Tokens of prompts and replies together."""
    seconds: float | None = None
    usd: float | None = None
    turns: int = 6
    """Turns of an actor at one task."""
    call_seconds: float = 60.0
    """Seconds of one call of a tool."""
    context_tokens: int = 900
    """Tokens of a task's history that a model is shown; beyond them it is compacted."""


class Cost(BaseModel):
    """What a run has used."""

    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    unpriced_calls: int = 0
    tool_calls: int = 0
    seconds: float = 0.0


class Meter:
    """Counts what the threads of a run use. before: what an interrupted run had used."""

    def __init__(self, limits: Limits, before: Cost | None = None) -> None:
        self.limits, self._cost = limits, before or Cost()
        self._before, self._started = self._cost.seconds, time.monotonic()
        self._lock = threading.Lock()

    def count(self, **used: float) -> None:
        with self._lock:
            self._cost = self._cost.model_copy(update={name: getattr(self._cost, name) + more for name, more in used.items()})

    @property
    def cost(self) -> Cost:
        with self._lock:
            return self._cost.model_copy(update={"seconds": round(self._before + time.monotonic() - self._started, 3)})

    def reached(self) -> str:
        """Return which limit is reached, in words; "" for none."""
        cost, limits = self.cost, self.limits
        if limits.tokens is not None and cost.input_tokens + cost.output_tokens >= limits.tokens:
            return f"token limit: {limits.tokens}"
        if limits.seconds is not None and cost.seconds >= limits.seconds:
            return f"time limit: {limits.seconds:g} seconds"
        if limits.usd is not None and cost.usd >= limits.usd:
            return f"money limit: {limits.usd:g} USD"
        return ""


class _MeteredEngine:
    """Counts the answers of a model, which handles its own retries."""

    def __init__(self, lm: dspy.LM, meter: Meter, calls_tools: bool) -> None:
        self.lm, self.meter = lm, meter
        self.supports_function_calling = calls_tools or lm.supports_function_calling
        self.is_free = lm.model.startswith("local/")
        self.has_price = True  # until the table has none: looking that up takes longer than everything else here

    def __getattr__(self, name: str) -> Any:  # what the model can do, and how it counts tokens
        return getattr(self.lm.engine, name)

    def __deepcopy__(self, memo: dict[int, Any]) -> "_MeteredEngine":
        return self

    def complete(self, request: lm15.Request) -> lm15.Response:
        with chat_span(self.lm.model, request) as ended:
            response = call_inner(self.lm, request)
            ended(response)
        usage, usd = response.usage, None if self.is_free else self._price(request, response)
        tokens = {"input_tokens": usage.input_tokens or 0, "output_tokens": usage.output_tokens or 0} if usage else {}
        self.meter.count(model_calls=1, usd=usd or 0.0, unpriced_calls=usd is None and not self.is_free, **tokens)
        return response

    def _price(self, request: lm15.Request, response: lm15.Response) -> float | None:
        """Return USD by DSPy's table, None if it has no price."""
        if not self.has_price:
            return None
        provider, _, model = self.lm.model.partition("/")
        usd, _ = estimate_cost(response, provider=provider, requested_model=model, request=request)
        self.has_price = usd is not None
        return None if usd is None else float(usd)

    def stream(self, request: lm15.Request) -> Iterator[Any]:
        return iter(lm15.response_to_events(self.complete(request)))

    def close(self) -> None:
        """The model belongs to the caller."""


def metered(lm: dspy.LM, meter: Meter, calls_tools: bool = False) -> dspy.LM:
    """Return `lm` under the same name and with the same settings, counted by the meter.

    calls_tools: it has tool calls of its own, whatever DSPy knows of it: of a private server it knows nothing.
    """
    return wrap(_MeteredEngine(lm, meter, calls_tools), lm.model, **decoding(lm))
