"""Facts before filler: short entries that state a fact outlive younger ones that say nothing, whatever the budget."""

import pytest

from dspy_programs.memory import MemoryCompressor, MemoryEntry, MemoryStore
from tests.dspy_programs.memory.forms import called, said

FACTS = {
    7: "The API key of the billing service rotates every 17 days.",
    21: "Maria decided to use PostgreSQL.",
    34: "The deadline is 12 May.",
}


def session():
    store = MemoryStore()
    store.add_entry(MemoryEntry(role="system", content="You help a data team. Never delete a table.", turn_number=0))
    for turn in range(1, 61):
        filler = f"I looked at part {turn} again and found nothing unusual, so I will go on with the next one."
        role = "user" if turn % 2 else "assistant"
        store.add_entry(MemoryEntry(role=role, content=FACTS.get(turn, filler), turn_number=turn))
    return store


@pytest.mark.parametrize("budget", [1250, 900, 600, 400, 150])
def test_one_sentence_facts_outlive_younger_filler_and_nothing_becomes_blank(budget):
    store = session()
    report = MemoryCompressor(token_budget=budget, protected_recent=3).compress(store)
    live = "\n".join(entry.content for entry in store)
    assert report.final_tokens <= budget
    assert [fact for fact in FACTS.values() if fact not in live] == []
    assert all(entry.content for entry in store)


def test_a_budget_just_below_leaves_most_entries_as_they_are():
    store = session()
    MemoryCompressor(token_budget=store.token_total() - 40, protected_recent=3).compress(store)
    assert sum(entry.role == "compressed" for entry in store) == 1 and len(store.entries) > 50


def test_the_task_its_limits_and_a_failed_run_outlive_answered_questions():
    task = (
        "Please migrate the shop from SQLite to PostgreSQL 16. The DSN is in DATABASE_URL, "
        "the staging host is pg-stage.internal:5433, and the end is Friday."
    )
    limits = "Do not use SQLAlchemy. And keep the function names in db.py."
    store = MemoryStore()
    store.add_entries([said("user", task), said("assistant", "db.py has 40 helpers."), said("user", limits)])
    store.add_entries([said("assistant", "Understood.")])
    store.add_entries(called("shell", {"command": "make test"}, "test_a .\ntest_b F\n1 failed, 49 passed in 12.3s"))
    for number in range(30):
        store.add_entries([said("user", f"And what does module_{number} do?")])
        store.add_entries([said("assistant", f"module_{number} is a helper without a database.")])
    store.add_entries([said("user", "Go on.")])
    MemoryCompressor(token_budget=180).compress(store)
    live = "\n".join(entry.content for entry in store)
    assert task in live.replace("\n  ", " ")
    assert limits in live
    assert 'failed: shell(command="make test"): ' in live and "1 failed, 49 passed" in live
