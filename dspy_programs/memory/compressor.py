"""Compress a memory to a token budget: least important entries first, with the least destructive strategy that suffices.

Input      a MemoryStore; token_budget: tokens >= 0 by the store's own counter, for the whole store; protected_recent: how
           many of the latest entries stay verbatim, as all system prompts do; strategies: which may be used.
Output     a CompressionReport; the store is changed in place.
Guarantees token_total() <= budget afterwards, and never more than before; no more compression than needed: no compressed
           unit would fit in the rest of the budget (with a model: no window, see plan.py). Protected entries are
           untouched and the order is kept; a tool call and its results are compressed together or not at all; every
           original is in a compression_history. On any error, and if `progress` raises, the store is unchanged.
Raises     UsageError for a negative budget, one below what the protected entries need, or if the allowed strategies do not
           suffice. LanguageModelError if a model in use fails to summarize (see engine.py).
Calls      none without a language model.
"""

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel

from dspy_programs.cli import Progress
from dspy_programs.errors import UsageError
from dspy_programs.memory.changes import Change, Strategy, Task
from dspy_programs.memory.engine import CompressionEngine, Fallback
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.importance import ImportanceScorer
from dspy_programs.memory.originals import records_of
from dspy_programs.memory.plan import archived, one_by_one, windowed
from dspy_programs.memory.store import MemoryStore
from dspy_programs.memory.strategies import SHARE, STRATEGIES, Extracts, stand_in
from dspy_programs.memory.units import protected, units
from dspy_programs.model_in_use import model_in_use

TOKEN_BUDGET, PROTECTED_RECENT = 4000, 3


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
    token_budget: int = TOKEN_BUDGET
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

    def to_dict(self) -> dict[str, Any]:
        return self.model_dump()


class MemoryCompressor:
    """Brings stores within one budget."""

    def __init__(
        self,
        token_budget: int = TOKEN_BUDGET,
        protected_recent: int = PROTECTED_RECENT,
        scorer: ImportanceScorer | None = None,
        strategies: Sequence[Strategy] = STRATEGIES,
        fallback: Fallback | None = None,
        now: Callable[[], float] = time.time,
        engine: CompressionEngine | None = None,
    ) -> None:
        """Set the budget and how to meet it.

        Args:
            token_budget: Tokens for the whole store, by the store's own counter, 0 or more.
            protected_recent: How many of the last entries stay word for word, as all system prompts do.
            scorer: Rates how much an entry matters.
            strategies: Which of "summarize", "extract_facts" and "archive" to use.
            fallback: "extract" lets the rules answer if the model in use fails; None makes that an error.
            now: The clock of the histories, in seconds since 1970.
            engine: One with its own model or fallback, instead of one with `fallback`.

        Raises:
            UsageError: `protected_recent` is below 0, or a strategy is unknown.
        """
        if protected_recent < 0:
            raise UsageError(f"protected_recent is {protected_recent}; give 0 or more entries")
        if not strategies or not set(strategies) <= set(STRATEGIES):
            raise UsageError(f"strategies are {list(strategies)}; choose from {', '.join(STRATEGIES)}")
        self.token_budget, self.protected_recent = token_budget, protected_recent
        self.scorer = scorer or ImportanceScorer()
        self.strategies = [strategy for strategy in STRATEGIES if strategy in strategies]
        self.engine, self.now = engine or CompressionEngine(fallback=fallback), now
        self.last_report: CompressionReport | None = None

    def compress(
        self, store: MemoryStore, progress: Progress | None = None, *, target_budget: int | None = None
    ) -> CompressionReport:
        """Bring a store within the budget, in place.

        Args:
            store: The memory.
            progress: Called between pieces of work with the amount done and the total.
            target_budget: Tokens to compress to; by default `token_budget`.

        Returns:
            The report, also kept in `last_report`.

        Raises:
            UsageError: The budget is below 0 or below what is protected, or the strategies do not suffice.
            LanguageModelError: The model that should summarize fails.
        """
        started = time.perf_counter()
        budget = self.token_budget if target_budget is None else target_budget
        if budget < 0:
            raise UsageError(f"token_budget is {budget}; give 0 or more tokens")
        entries = store.entries
        grouped = units(entries)
        kept = protected(entries, grouped, self.protected_recent)
        before, changes, tried = store.token_total(), list[Change](), 0
        if before > budget:
            task = self._task(store, entries, [unit for unit in grouped if unit[0] not in kept], kept, budget)
            with self.engine.model():
                changes, tried = self._changes(task, progress)
            self._apply(store, changes)
        self.last_report = _report_on(changes, before, store, budget)
        self.last_report.iterations, self.last_report.protected_entries = tried, len(kept)
        self.last_report.duration_seconds = time.perf_counter() - started
        return self.last_report

    def _task(
        self, store: MemoryStore, entries: Sequence[MemoryEntry], free: Sequence[list[int]], kept: set[int], budget: int
    ) -> Task:
        needed = sum(store.entry_tokens(entries[index]) for index in kept)
        if needed > budget:
            raise UsageError(
                f"the budget is {budget} tokens, but the protected part alone has {needed}: {len(kept)} entries (the system "
                f"prompts, the last {self.protected_recent} and what belongs to them); "
                "give a larger budget, or protect fewer recent entries"
            )

        @functools.cache
        def order() -> list[int]:
            scores = self.scorer.scores(entries)
            worth = [max(scores[index] for index in unit) for unit in free]
            return sorted(range(len(free)), key=lambda place: (worth[place], place))

        return Task(
            units=[[entries[index] for index in unit] for unit in free],
            sizes=[sum(store.entry_tokens(entries[index]) for index in unit) for unit in free],
            order=order,
            room=budget - needed,
            count=store.text_tokens,
        )

    def _changes(self, task: Task, progress: Progress | None) -> tuple[list[Change], int]:
        """Return the changes of the first strategy that suffices, and how many were tried."""
        if model_in_use() is not None:
            return windowed(task, self.strategies[0], self.engine.asked, progress), 1
        extracts = None
        reached = total = sum(task.sizes)
        for tried, strategy in enumerate(self.strategies, 1):
            if strategy == "archive":
                return archived(task, progress), tried
            if task.room < SHARE[strategy] * total and strategy != self.strategies[-1]:
                continue  # would not suffice even for all units together
            extracts = extracts or Extracts(task.units)
            changes, left = one_by_one(task, extracts, strategy, progress)
            if left <= task.room:
                return changes, tried
            reached = min(reached, left)
        raise UsageError(
            f"{' and '.join(self.strategies)} reduce the unprotected part to {reached} tokens, but there is room for only "
            f"{task.room}; allow the strategy archive, or give a larger budget"
        )

    def _apply(self, store: MemoryStore, changes: Sequence[Change]) -> None:
        at = self.now()
        new, gone = [], []
        for change in changes:
            records = [
                record for entry in change.originals for record in records_of(entry, store.position(entry), change.strategy, at)
            ]
            new.append(stand_in(change, records))
            gone += [entry.id for entry in change.originals[1:]]
        store.replace(new, gone)


def _report_on(changes: Sequence[Change], before: int, store: MemoryStore, budget: int) -> CompressionReport:
    counts = {strategy: sum(len(c.originals) for c in changes if c.strategy == strategy) for strategy in STRATEGIES}
    after = store.token_total()
    return CompressionReport(
        initial_tokens=before,
        final_tokens=after,
        tokens_saved=before - after,
        entries_compressed=sum(counts.values()),
        entries_archived=counts["archive"],
        entries_summarized=counts["summarize"],
        entries_extracted=counts["extract_facts"],
        compression_ratio=(before - after) / before if before else 0.0,
        token_budget=budget,
        strategy="+".join(strategy for strategy in STRATEGIES if counts[strategy]) or "none",
        answered_by="model" if any(change.answered_by == "model" for change in changes) else "rules",
        fallbacks=sum(change.fallback is not None for change in changes),
        failure=next((change.fallback for change in changes if change.fallback is not None), None),
        token_counter=store.counter.name,
        exact=store.counter.exact,
        restorable=sum(len(entry.compression_history) for entry in store if entry.role == "compressed"),
    )
