"""What a run has spent, from the journals of its stages, and what is left of its limits.

Every stage has a journal of its own, and counts only answers that no stage before it has paid for.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from dspy_programs.errors import BudgetSpent
from optimizers.calls import Budget


class Spent(NamedTuple):
    """calls and tokens of models; usd by DSPy's price table, without calls that have no price; minutes of work."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0
    minutes: float = 0.0
    unpriced: int = 0

    def plus(self, other: "Spent") -> "Spent":
        return Spent(
            self.calls + other.calls,
            self.tokens + other.tokens,
            self.usd + other.usd,
            self.minutes + other.minutes,
            self.unpriced + other.unpriced,
        )


def spent_in(journal: Path, minutes: float) -> Spent:
    """Return what the calls in a journal cost. minutes: of this process; those of one that was killed are in the journal."""
    total = Spent()
    last = 0.0
    for record in _records(journal):
        usage = record["response"].get("usage", {})
        tokens = (usage.get("input_tokens") or 0) + (usage.get("output_tokens") or 0)
        total = total.plus(Spent(1, tokens, record["usd"] or 0.0, 0.0, int(record["usd"] is None)))
        last = max(last, float(record["at"]))
    return total._replace(minutes=round(max(minutes, last / 60), 3), usd=round(total.usd, 6))


def total_of(results: Iterable[dict[str, Any]]) -> Spent:
    """Return the sum of what stages have spent."""
    total = Spent()
    for result in results:
        total = total.plus(Spent(**result.get("spent", {})))
    return total


def left_of(limits: Budget, spent: Spent) -> Budget:
    """Return what is left of the limits. Raises BudgetSpent if nothing is."""
    for name, limit, used in (
        ("minutes", limits.minutes, spent.minutes),
        ("tokens", limits.tokens, spent.tokens),
        ("USD", limits.usd, spent.usd),
    ):
        if limit is not None and used >= limit:
            raise BudgetSpent(f"{limit:g} {name}")
    return Budget(
        minutes=None if limits.minutes is None else limits.minutes - spent.minutes,
        tokens=None if limits.tokens is None else limits.tokens - spent.tokens,
        usd=None if limits.usd is None else limits.usd - spent.usd,
    )


def _records(journal: Path) -> Iterable[dict[str, Any]]:
    try:
        with journal.open("rb") as lines:
            yield from (json.loads(line) for line in lines if line.endswith(b"\n"))
    except FileNotFoundError:
        return
