"""What a run may use, what it has used, and why it must stop.

Input      Limits: iterations of the loop, tokens, seconds and USD of the whole run; None for no limit.
Output     Meter.reached() -> why the run must stop, "" if it may go on; Cost, what was used.
Guarantees the tokens are those of every model of the run, whichever thread asks; a model without a price counts as 0 USD
           and is counted in `unpriced_calls`.
"""

from dataclasses import dataclass

import dspy
from dspy import lm15

from dspy_programs.agent.telling.spans import chat_span
from dspy_programs.lm import Meter as LmMeter, Spent, call_inner, metered as metered_lm


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


class Cost(Spent):
    """What a run has used."""

    tool_calls: int = 0


class Meter(LmMeter[Cost]):
    """What a run has used, and its limits. before: what an interrupted run had used."""

    def __init__(self, limits: Limits, before: Cost | None = None) -> None:
        super().__init__(before or Cost())
        self.limits = limits

    def reached(self) -> str:
        """Return which limit is reached, in words; "" for none."""
        spent, limits = self.spent, self.limits
        if limits.tokens is not None and spent.tokens >= limits.tokens:
            return f"token limit: {limits.tokens}"
        if limits.seconds is not None and spent.seconds >= limits.seconds:
            return f"time limit: {limits.seconds:g} seconds"
        if limits.usd is not None and spent.usd >= limits.usd:
            return f"money limit: {limits.usd:g} USD"
        return ""


def metered(lm: dspy.LM, meter: Meter, calls_tools: bool = False) -> dspy.LM:
    """Return `lm` counted by the meter, each call in a span of its own; calls_tools: as for `lm.metered`."""
    return metered_lm(lm, meter, ask=_ask, calls_tools=calls_tools)


def _ask(lm: dspy.LM, request: lm15.Request) -> lm15.Response:
    with chat_span(lm.model, request) as ended:
        response = call_inner(lm, request)
        ended(response)
    return response
