"""Compress a memory to a token budget: system prompts and the newest messages stay, one note stands for everything older.

Each time, everything that was ever said is ranked again, from the originals, and the note is written anew (plan.py); so a
memory that is compressed at every overflow keeps about what one compression at the end would keep.

Input      a MemoryStore; token_budget: tokens >= 0 by the store's own counter, for a request with the whole store as
           chat_messages(store) gives it (store.token_total()); protected_recent: how many of the latest entries stay, as all
           system prompts do; by default three, or fewer where open requests and deeds have no room beside them;
           strategies: how far to go.
Output     a CompressionReport; the store is changed in place.
Guarantees token_total() <= budget afterwards; a store within the budget is not changed. A store that was compressed before is
           brought to low_water of the budget, so that it is not compressed at every turn. The order is kept. Protected entries
           stay word for word, but for a tool's result that is large, and a long turn of a talk that is pasted turn by turn.
           Every original is in a compression_history.
           On any error, and if `progress` raises, the store is unchanged.
Raises     UsageError for a negative budget, one below what the protected entries need, or if the allowed strategies do not
           suffice. LanguageModelError if a model in use fails to summarize (see engine.py).
Calls      none without a language model; with one, at most windows.CALLS.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from dspy_programs.cli import Progress
from dspy_programs.errors import UsageError
from dspy_programs.memory.draft import stubbed
from dspy_programs.memory.engine import CompressionEngine, Fallback
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.importance import ImportanceScorer
from dspy_programs.memory.known import Known, Original, known_of
from dspy_programs.memory.originals import Record, records_of
from dspy_programs.memory.plan import Plan, has_room, planned
from dspy_programs.memory.reading.note import remember
from dspy_programs.memory.report import CompressionReport, report_on
from dspy_programs.memory.sending.sent import beside_tokens
from dspy_programs.memory.store import MemoryStore
from dspy_programs.memory.strategies import STRATEGIES, Strategy
from dspy_programs.memory.task import Task
from dspy_programs.memory.units import protected, units
from dspy_programs.memory.windows import Older, Window, Written, windows_in, written_by
from dspy_programs.model_in_use import model_in_use

TOKEN_BUDGET, PROTECTED_RECENT = 4000, 3
LOW_WATER = 0.97


class MemoryCompressor:
    """Brings stores within one budget."""

    def __init__(
        self,
        token_budget: int = TOKEN_BUDGET,
        protected_recent: int | None = None,
        scorer: ImportanceScorer | None = None,
        strategies: Sequence[Strategy] = STRATEGIES,
        fallback: Fallback | None = None,
        now: Callable[[], float] = time.time,
        engine: CompressionEngine | None = None,
        low_water: float = LOW_WATER,
    ) -> None:
        """Set the budget and how to meet it.

        Args:
            token_budget: Tokens for the whole store, by the store's own counter, 0 or more.
            protected_recent: How many of the last entries stay word for word, as all system prompts do. None is three, or
                fewer, but at least one, where open requests and deeds have no room beside them.
            scorer: Rates how much an entry matters besides what it says; None rates by who speaks and how late.
            strategies: How far to go. With "archive" a message may leave the note; without it every message that states
                something has its place there; with only "summarize" every message has. A model writes a text for the first
                of these, or a list of facts for "extract_facts".
            fallback: "extract" lets the rules answer if the model in use fails; None makes that an error.
            now: The clock of the histories, in seconds since 1970.
            engine: One with its own model or fallback, instead of one with `fallback`.
            low_water: Share of the budget, above 0 and up to 1, to which a store is brought that was compressed before, so
                that it is not compressed at every turn.

        Raises:
            UsageError: `protected_recent` is below 0, a strategy is unknown, or `low_water` is no such share.
        """
        self._may_be_fewer = protected_recent is None
        protected_recent = PROTECTED_RECENT if protected_recent is None else protected_recent
        if protected_recent < 0:
            raise UsageError(f"protected_recent is {protected_recent}; give 0 or more entries")
        if not strategies or not set(strategies) <= set(STRATEGIES):
            raise UsageError(f"strategies are {list(strategies)}; choose from {', '.join(STRATEGIES)}")
        if not 0 < low_water <= 1:
            raise UsageError(f"low_water is {low_water}; give a share of the budget, above 0 and up to 1")
        self.token_budget, self.protected_recent = token_budget, protected_recent
        self.scorer, self.low_water = scorer, low_water
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
        before, plan = store.token_total(), None
        known = known_of(store)
        if before > budget:
            originals = known.originals(store)
            with self.engine.model():
                task, plan, made = self._planned(store, known, originals, budget, progress)
            store.rearrange([(entry, originals[index].position) for index, entry in sorted(made.items())])
            kept = len(task.protected)
        else:
            entries = store.entries
            kept = len(protected(entries, units(entries), self.protected_recent))
        self.last_report = report_on(plan, before, store, budget)
        self.last_report.protected_entries = kept
        self.last_report.duration_seconds = time.perf_counter() - started
        return self.last_report

    def _planned(
        self, store: MemoryStore, known: Known, originals: Sequence[Original], budget: int, progress: Progress | None
    ) -> tuple[Task, Plan, dict[int, MemoryEntry]]:
        """Return a plan; where the number of protected entries is open, as many as leave room for what must be told."""
        recent = self.protected_recent
        while True:
            task = self._task(store, known, originals, recent)
            if recent <= 1 or not self._may_be_fewer or has_room(task, budget - min(store.opening, budget)):
                return task, *self._within(store, task, budget, progress)
            recent -= 1

    def _task(self, store: MemoryStore, known: Known, originals: Sequence[Original], recent: int) -> Task:
        weights = self.scorer.scores if self.scorer is not None else None
        furthest = self.strategies[-1] if model_in_use() is None else "archive"  # a model's text has a place for all
        return Task(known, originals, recent, store.entry_tokens, known.count(store), weights, furthest)

    def _within(
        self, store: MemoryStore, task: Task, budget: int, progress: Progress | None
    ) -> tuple[Plan, dict[int, MemoryEntry]]:
        """Return a plan and its entries, by the place of the original, that are sent within the budget."""
        before = [window for entry in store if entry.compression_history for window in windows_in(entry.metadata)]
        beside = min(store.opening, budget)
        while True:
            plan = self._plan(task, budget, beside, before, progress)
            made = self._made(store, task, plan)
            entries = [made[index] for index in sorted(made)]
            needed = beside_tokens(entries, store.counter)
            if sum(map(store.entry_tokens, entries)) + needed <= budget:
                return plan, made
            beside, before = needed, [*before, *plan.written.windows]

    def _plan(self, task: Task, budget: int, beside: int, before: Sequence[Window], progress: Progress | None) -> Plan:
        """Return the plan for the budget, or for the low-water mark where the store has been compressed before."""
        if progress is not None:
            progress(0, 1)
        again = any(original.record is not None for original in task.originals)
        low = int(self.low_water * budget) if again else budget

        def write(older: Sequence[Older], room: int) -> Written:
            return written_by(self.engine.asked, older, before, room, self.strategies[0], progress)

        write_or_rules = write if model_in_use() is not None else None
        return planned(task, budget, low, beside, write_or_rules)

    def _made(self, store: MemoryStore, task: Task, plan: Plan) -> dict[int, MemoryEntry]:
        """Return the entries of a plan, by the place of the original."""
        originals, at = task.originals, self.now()

        def record(index: int, strategy: Strategy) -> Record:
            entry, position, made = originals[index]
            return made or records_of(entry, position, strategy, at)[0]

        def replaced(entry: MemoryEntry, indexes: Sequence[int]) -> MemoryEntry:
            records = [record(index, plan.strategies.get(index, "summarize")) for index in indexes]
            made = entry.model_copy(update={"compression_history": records})
            task.known.stands_for(made, [Original(*originals[i][:2], r) for i, r in zip(indexes, records, strict=True)])
            return made

        found = {index: originals[index].entry for index in plan.kept}
        for index, text in plan.stubs.items():
            found[index] = replaced(stubbed(originals[index].entry, text), [index])
        if plan.older:
            before = {store.position(entry): entry.id for entry in store if entry.role == "compressed"}
            note = note_of([originals[index].entry for index in plan.older], plan)
            remember(note.content)
            found[plan.older[0]] = replaced(
                note.model_copy(update={"id": before.get(originals[plan.older[0]].position, note.id)}), plan.older
            )
        return found


def note_of(older: Sequence[MemoryEntry], plan: Plan) -> MemoryEntry:
    """Return the note that stands for all older entries, in the place of the first, without its history."""
    first = older[0]
    turns = [entry.turn_number for entry in older]
    ways = sorted(set(plan.strategies.values()), key=STRATEGIES.index)
    metadata: dict[str, Any] = {
        "original_role": "user",
        "compression_strategy": "+".join(ways),
        "answered_by": "model" if plan.written.windows else "rules",
        "turns": [min(turns), max(turns)],
        "stands_for": len(older),
    }
    if plan.written.windows:
        metadata["windows"] = [window.model_dump(mode="json") for window in plan.written.windows]
    if plan.written.failure is not None:
        metadata["fallback"] = plan.written.failure
    return MemoryEntry(
        id=first.id,
        content=plan.note,
        role="compressed",
        timestamp=max(entry.timestamp for entry in older),
        turn_number=first.turn_number,
        metadata=metadata,
    )
