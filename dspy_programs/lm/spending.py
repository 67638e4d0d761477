"""What the models of a command or a run have used, counted over its threads.

Guarantees the tokens are those of every answer, whichever thread asks; a model on this machine is free; one without a price in
           DSPy's table counts as 0 USD, and in `unpriced_calls`. An answer that is under way is counted when it is there.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel

from dspy_programs.text import quantity

if TYPE_CHECKING:
    import dspy
    from dspy import lm15


class Spent(BaseModel):
    """Calls of models, their tokens, US dollars, and seconds by the clock."""

    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    unpriced_calls: int = 0
    seconds: float = 0.0

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def __str__(self) -> str:
        used = f"{quantity(self.model_calls, 'call')}, {quantity(self.tokens, 'token')}"
        priced = f", {self.usd:.4f} USD" if self.usd else ""
        return used + priced + (f" ({quantity(self.unpriced_calls, 'call')} without a price)" if self.unpriced_calls else "")


S = TypeVar("S", bound=Spent)


class Meter(Generic[S]):
    """Counts for all threads; the clock starts when it is made. before: what an interrupted run had used, or nothing."""

    def __init__(self, before: S) -> None:
        self._spent, self._seconds_before, self._started = before, before.seconds, time.monotonic()
        self._lock = threading.Lock()

    @property
    def spent(self) -> S:
        with self._lock:
            seconds = self._seconds_before + time.monotonic() - self._started
            return self._spent.model_copy(update={"seconds": round(seconds, 3)})

    def count(self, **used: float) -> None:
        with self._lock:
            self._spent = self._spent.model_copy(
                update={name: getattr(self._spent, name) + more for name, more in used.items()}
            )


class _MeteredEngine:
    """Counts the answers of a model, which handles its own retries."""

    def __init__(self, lm: "dspy.LM", meter: Meter[Any], ask: "Ask", calls_tools: bool) -> None:
        from dspy_programs.lm.models import is_embedded

        self.lm, self.meter, self.ask = lm, meter, ask
        self.supports_function_calling = calls_tools or lm.supports_function_calling
        self.is_free = is_embedded(lm)
        self.has_price = True  # until the table has none: looking that up takes longer than everything else here

    def __getattr__(self, name: str) -> Any:  # what the model can do, and how it counts tokens
        return getattr(self.lm.engine, name)

    def __deepcopy__(self, memo: dict[int, Any]) -> "_MeteredEngine":
        return self

    def complete(self, request: "lm15.Request") -> "lm15.Response":
        response = self.ask(self.lm, request)
        usage, usd = response.usage, None if self.is_free else self._price(request, response)
        tokens = {"input_tokens": usage.input_tokens or 0, "output_tokens": usage.output_tokens or 0} if usage else {}
        self.meter.count(model_calls=1, usd=usd or 0.0, unpriced_calls=usd is None and not self.is_free, **tokens)
        return response

    def _price(self, request: "lm15.Request", response: "lm15.Response") -> float | None:
        """Return USD by DSPy's table, None if it has no price."""
        from dspy.clients.costs import estimate_cost

        if not self.has_price:
            return None
        provider, _, model = str(self.lm.model).partition("/")
        usd, _ = estimate_cost(response, provider=provider, requested_model=model, request=request)
        self.has_price = usd is not None
        return None if usd is None else float(usd)

    def stream(self, request: "lm15.Request") -> Iterator[Any]:
        from dspy import lm15

        return iter(lm15.response_to_events(self.complete(request)))

    def close(self) -> None:
        """The model belongs to the caller."""


Ask = Callable[["dspy.LM", "lm15.Request"], "lm15.Response"]


def metered(lm: "dspy.LM", meter: Meter[Any], *, ask: Ask | None = None, calls_tools: bool = False) -> "dspy.LM":
    """Return `lm` under the same name and with the same settings, counted by the meter.

    ask: how it is asked, by default as it asks itself. calls_tools: it has tool calls of its own, whatever DSPy knows of it: of
    a private server it knows nothing.
    """
    from dspy_programs.lm.models import decoding
    from dspy_programs.lm.server.lm_wrapper import call_inner, wrap

    return wrap(_MeteredEngine(lm, meter, ask or call_inner, calls_tools), lm.model, **decoding(lm))
