"""What a compression did, in numbers.

Input      a plan, or None where the store was within its budget; the tokens before; the store as it is now; the budget.
Output     CompressionReport; report_on(...) -> the report, without how long it took.
"""

from collections import Counter
from typing import Any

from pydantic import BaseModel

from dspy_programs.memory.plan import Plan
from dspy_programs.memory.store import MemoryStore
from dspy_programs.memory.strategies import STRATEGIES
from dspy_programs.memory.windows import Written


class CompressionReport(BaseModel):
    """The result. Counts are of original entries and tokens; compression_ratio is the share saved, in [0, 1]."""

    initial_tokens: int
    final_tokens: int
    tokens_saved: int
    entries_compressed: int = 0
    entries_archived: int = 0
    entries_summarized: int = 0
    entries_extracted: int = 0
    compression_ratio: float = 0.0
    iterations: int = 0
    """Strategies tried."""
    duration_seconds: float = 0.0
    protected_entries: int = 0
    token_budget: int
    strategy: str = "none"
    answered_by: str = "rules"
    """"model", or "rules": then every text is a verbatim extract."""
    fallbacks: int = 0
    """Texts written by the rules because the model failed, each marked in its entry."""
    failure: str | None = None
    """Reason for the first of them."""
    token_counter: str
    exact: bool
    """Whether tokens are counted exactly as the model counts them."""
    restorable: int = 0
    """Originals kept in the entries' histories."""

    def since(self, initial: int, budget: int) -> "CompressionReport":
        """Return the report of this compression and the one before it, as of one from `initial` tokens to `budget`."""
        saved = initial - self.final_tokens
        ratio = saved / initial if initial else 0.0
        new = {"initial_tokens": initial, "tokens_saved": saved, "compression_ratio": ratio, "token_budget": budget}
        return self.model_copy(update=new)

    def summary(self) -> dict[str, Any]:
        """Return what a command tells of it in a line."""
        return {
            "before": self.initial_tokens,
            "after": self.final_tokens,
            "saved": self.tokens_saved,
            "reduction_pct": round(100 * self.compression_ratio, 2),
            "strategy": self.strategy,
            "answered_by": self.answered_by,
            "fallbacks": self.fallbacks,
            "token_counter": self.token_counter,
            "exact": self.exact,
        }

    def to_dict(self) -> dict[str, Any]:
        return self.model_dump()


def report_on(plan: Plan | None, before: int, store: MemoryStore, budget: int) -> CompressionReport:
    ways = Counter(plan.strategies.values()) if plan is not None else Counter[str]()
    ways["summarize"] += len(plan.stubs) if plan is not None else 0
    written = plan.written if plan is not None else Written([])
    after = store.token_total()
    return CompressionReport(
        initial_tokens=before,
        final_tokens=after,
        tokens_saved=before - after,
        entries_compressed=ways.total(),
        entries_archived=ways["archive"],
        entries_summarized=ways["summarize"],
        entries_extracted=ways["extract_facts"],
        compression_ratio=(before - after) / before if before else 0.0,
        iterations=0 if plan is None else 1,
        token_budget=budget,
        strategy="+".join(strategy for strategy in STRATEGIES if ways[strategy]) or "none",
        answered_by="model" if written.windows else "rules",
        fallbacks=written.fallbacks,
        failure=written.failure,
        token_counter=store.counter.name,
        exact=store.counter.exact,
        restorable=sum(len(entry.compression_history) for entry in store),
    )
