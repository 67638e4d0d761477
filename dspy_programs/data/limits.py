"""The limits at which a command stops asking its models.

Input      Limits: USD, tokens of prompts and replies together, minutes; None for no limit.
Output     Meter.reached() -> the limit that is reached, in words; "" for none.
Guarantees calls in progress when a limit is reached still count, so a limit is passed by at most those.
"""

from dataclasses import dataclass

from dspy_programs.errors import UsageError
from dspy_programs.lm import Meter as LmMeter, Spent


@dataclass(frozen=True)
class Limits:
    usd: float | None = None
    tokens: int | None = None
    minutes: float | None = None


class Meter(LmMeter[Spent]):
    """What a command has used, and its limits."""

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__(Spent())
        self.limits = limits or Limits()

    def reached(self) -> str:
        """Return the limit that is reached. Raises UsageError for one in USD that calls without a price can never reach."""
        spent, limits = self.spent, self.limits
        if limits.usd is not None and spent.unpriced_calls:
            raise UsageError("--max-usd: there is no price for this model; limit --max-tokens or --max-minutes instead")
        if limits.usd is not None and spent.usd >= limits.usd:
            return f"{limits.usd:g} USD"
        if limits.tokens is not None and spent.tokens >= limits.tokens:
            return f"{limits.tokens:,} tokens"
        if limits.minutes is not None and spent.seconds >= 60 * limits.minutes:
            return f"{limits.minutes:g} minutes"
        return ""
