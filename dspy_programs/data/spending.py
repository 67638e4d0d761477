"""What a command's models have cost so far, and the limits at which it stops asking.

Input      Limits: USD, tokens of prompts and replies together, minutes; None for no limit.
Output     Meter.reached() -> the limit that is reached, in words; "" for none. Spent: what was used.
Guarantees counts are those of every thread; a model on this machine is free; one without a price counts in `unpriced_calls`.
           Calls in progress when a limit is reached still count, so a limit is passed by at most those.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from dspy_programs.errors import UsageError

if TYPE_CHECKING:
    import dspy
    from dspy import lm15


@dataclass(frozen=True)
class Limits:
    usd: float | None = None
    tokens: int | None = None
    minutes: float | None = None


class Spent(BaseModel):
    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    unpriced_calls: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        tokens = f"{self.model_calls:,} calls, {self.input_tokens + self.output_tokens:,} tokens"
        priced = f", {self.usd:.4f} USD" if self.usd else ""
        return tokens + priced + (f" ({self.unpriced_calls:,} calls without a price)" if self.unpriced_calls else "")


class Meter:
    """Shared by the threads of a command. The clock starts when it is made."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits, self._spent = limits or Limits(), Spent()
        self._started, self._lock = time.monotonic(), threading.Lock()

    @property
    def spent(self) -> Spent:
        with self._lock:
            return self._spent.model_copy(update={"seconds": round(time.monotonic() - self._started, 3)})

    def count(self, **used: float) -> None:
        with self._lock:
            self._spent = self._spent.model_copy(
                update={name: getattr(self._spent, name) + more for name, more in used.items()}
            )

    def reached(self) -> str:
        """Return the limit that is reached. Raises UsageError for one in USD that calls without a price can never reach."""
        spent, limits = self.spent, self.limits
        if limits.usd is not None and spent.unpriced_calls:
            raise UsageError("--max-usd: there is no price for this model; limit --max-tokens or --max-minutes instead")
        if limits.usd is not None and spent.usd >= limits.usd:
            return f"{limits.usd:g} USD"
        if limits.tokens is not None and spent.input_tokens + spent.output_tokens >= limits.tokens:
            return f"{limits.tokens:,} tokens"
        if limits.minutes is not None and spent.seconds >= 60 * limits.minutes:
            return f"{limits.minutes:g} minutes"
        return ""


class _MeteredEngine:
    """Counts the answers of a model, which handles its own retries."""

    def __init__(self, lm: "dspy.LM", meter: Meter) -> None:
        from dspy_programs.lm import is_embedded

        self.lm, self.meter, self.is_free = lm, meter, is_embedded(lm)

    def __getattr__(self, name: str) -> Any:  # what the model can do, and how it counts tokens
        return getattr(self.lm.engine, name)

    def __deepcopy__(self, memo: dict[int, Any]) -> "_MeteredEngine":
        return self

    def complete(self, request: "lm15.Request") -> "lm15.Response":
        from dspy_programs.lm import call_inner

        response = call_inner(self.lm, request)
        usage, usd = response.usage, None if self.is_free else self._price(request, response)
        tokens = {"input_tokens": usage.input_tokens or 0, "output_tokens": usage.output_tokens or 0} if usage else {}
        self.meter.count(model_calls=1, usd=usd or 0.0, unpriced_calls=usd is None and not self.is_free, **tokens)
        return response

    def _price(self, request: "lm15.Request", response: "lm15.Response") -> float | None:
        """Return USD by DSPy's table, None if it has no price."""
        from dspy.clients.costs import estimate_cost

        provider, _, model = str(self.lm.model).partition("/")
        usd, _ = estimate_cost(response, provider=provider, requested_model=model, request=request)
        return None if usd is None else float(usd)

    def stream(self, request: "lm15.Request") -> Iterator[Any]:
        from dspy import lm15

        return iter(lm15.response_to_events(self.complete(request)))

    def close(self) -> None:
        """The model belongs to the caller."""


def metered(lm: "dspy.LM", meter: Meter) -> "dspy.LM":
    """Return `lm` under the same name and with the same settings, counted by the meter."""
    from dspy_programs.lm import decoding, wrap

    return wrap(_MeteredEngine(lm, meter), lm.model, **decoding(lm))
