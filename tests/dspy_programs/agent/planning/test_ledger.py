"""The checklist: states, order, Markdown, and several actors at once."""

import threading

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.agent import Ledger
from dspy_programs.errors import UsageError

CHECKLIST = """\
- [x] Read report.txt
    > total found: 42
    + notes/found.md
- [-] Write the report
    - [!] Look up the date
        > no such file
    - [ ] Write answer.txt
- [ ] Say so
"""


def test_markdown_round_trip():
    ledger = Ledger.from_markdown(CHECKLIST)
    assert ledger.to_markdown() == CHECKLIST
    assert [(task.id, task.status) for task in ledger.tasks][1:4] == [
        ("2", "in_progress"),
        ("2.1", "failed"),
        ("2.2", "pending"),
    ]
    assert ledger["2.1"].notes == ["no such file"] and ledger["1"].artefacts == ["notes/found.md"]


TITLES = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=20)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(TITLES, st.booleans(), st.lists(TITLES, max_size=2)), max_size=6))
def test_whatever_titles_and_notes_say_the_markdown_comes_back(tasks):
    ledger = Ledger()
    for title, inside, notes in tasks:
        parent = ledger.tasks[-1].id if inside and ledger.tasks else None
        added = ledger.add(title, parent)
        for note in notes:
            ledger.note(added.id, note)
    text = ledger.to_markdown()
    assert Ledger.from_markdown(text).to_markdown() == text


@pytest.mark.parametrize(
    "text", ["* [ ] other bullet", "- [?] other mark", "        - [ ] too deep", "- [x]no space", "> a note alone"]
)
def test_what_is_no_checklist_is_one_clear_line(text):
    with pytest.raises(UsageError, match="line 1 of the checklist"):
        Ledger.from_markdown(text)


def test_a_task_is_ready_when_what_it_waits_for_is_complete():
    ledger = Ledger()
    ledger.add("first")
    ledger.add("second", depends_on=["1"])
    ledger.add("apart")
    assert [task.title for task in ledger.ready()] == ["first", "apart"]
    ledger.complete("1", "code")
    assert [task.title for task in ledger.ready()] == ["second", "apart"]
    ledger.fail("2", "no")
    assert [task.title for task in ledger.ready()] == ["apart"]


def test_a_whole_waits_for_its_parts():
    ledger = Ledger()
    ledger.add("whole")
    ledger.add("part", "1")
    assert [task.id for task in ledger.ready()] == ["1.1"]


def test_failed_tasks_never_make_a_ledger_complete_unless_replaced():
    ledger = Ledger()
    assert not ledger.is_complete
    ledger.add("first")
    ledger.fail("1", "no")
    assert not ledger.is_complete
    ledger.replace_open()
    ledger.add("instead")
    ledger.complete("2", "code")
    assert ledger.is_complete


def test_parallel_actors_lose_no_note_and_events_come_in_order():
    events = []
    ledger = Ledger(on_change=events.append)
    task = ledger.add("shared")
    threads = [
        threading.Thread(target=lambda: [ledger.note(task.id, f"note {number}") for number in range(50)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ledger[task.id].notes) == 200
    assert [len(event["task"]["notes"]) for event in events] == [*range(201)]
