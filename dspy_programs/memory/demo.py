"""A sample agent session that shows what compression does: 120 turns, a tool, and a few facts among a lot of small talk."""

import json
from collections.abc import Iterator

from dspy_programs.memory.compressor import MemoryCompressor
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.originals import restore
from dspy_programs.memory.store import MemoryStore

_TURNS = 120
_STARTED = 1_767_600_000.0  # seconds since 1970, fixed so that every run is the same
FACTS = {
    7: "The budget for the migration is approved: $42,500.",
    19: "Maria decided to use PostgreSQL instead of MongoDB, because the reports need joins.",
    33: "The API key of the billing service rotates every 17 days.",
    48: "The deadline for the cut-over is 12 May at 18:00.",
    64: "Please never page Tomas Berg at night; call +49 30 5550 127 instead.",
    80: "The staging host is db7.staging.internal, port 5433.",
}
_TALK = (
    "I had another look at step {i} of the plan. Nothing unusual so far; I will go on with the next part and tell you "
    "when something changes.",
    "Thanks, that sounds fine. Let us go on as discussed, and keep an eye on the logs of part {i} while it is running.",
)


def shown(budget: int) -> Iterator[str]:
    """Yield the session as it is after compression to a budget in tokens, and what was kept of it."""
    store = demo_store()
    before = store.entries
    report = MemoryCompressor(budget).compress(store)
    for entry_ in store:
        yield f"{entry_.role}: {entry_.text}"
    live = "\n".join(entry_.content for entry_ in store)
    kept = f"{sum(fact in live for fact in FACTS.values())} of {len(FACTS)} facts kept verbatim"
    again = "all originals restored" if restore(store).entries == before else "originals differ"
    yield f"\n{len(before)} entries -> {len(store)}; {kept}; {again}"
    yield json.dumps(report.summary())


def demo_store() -> MemoryStore:
    store = MemoryStore()
    store.add_entry(entry(0, "system", "You are the assistant of a data team. Never delete a table without a written yes."))
    for turn in range(1, _TURNS + 1):
        text = _TALK[turn % 2].format(i=turn)
        if turn in FACTS:
            text = f"{text} {FACTS[turn]}"
        if turn % 10 == 5:
            call = {"id": f"call_{turn}", "type": "function"}
            call["function"] = {"name": "row_count", "arguments": json.dumps({"table": f"orders_{turn}"})}  # type: ignore[assignment]
            store.add_entry(entry(turn, "assistant", "", tool_calls=[call]))
            result = json.dumps({"table": f"orders_{turn}", "rows": 1000 + turn, "status": "ok"})
            store.add_entry(entry(turn, "tool", result, tool_call_id=f"call_{turn}", name="row_count"))
        else:
            store.add_entry(entry(turn, "user" if turn % 2 else "assistant", text))
    return store


def entry(turn: int, role: str, content: str, **metadata: object) -> MemoryEntry:
    fields = {"id": f"{turn}-{role}", "role": role, "content": content, "turn_number": turn, "metadata": metadata}
    return MemoryEntry.model_validate({**fields, "timestamp": _STARTED + 60 * turn})
