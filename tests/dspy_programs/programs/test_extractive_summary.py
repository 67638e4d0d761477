"""The summarizer without a model: what it takes, in which order, how fast, and that it invents nothing."""

import time

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.programs.memory_summarizer import condensed, most_telling, read
from dspy_programs.programs.memory_summarizer.extractive_summary import LONGEST, clauses, readable
from dspy_programs.types import Entry


def conversation(*contents, role="user"):
    return read([Entry(turn=n, role=role, content=content) for n, content in enumerate(contents)])


def texts(found):
    return [clause.text for clause in found]


def test_readable_drops_json_marks_and_control_characters():
    assert readable('{"id": "A1", "flights": [{"date": "2024-05-27", "price": 3}]}') == (
        "id: A1, flights: date: 2024-05-27, price: 3"
    )
    assert readable("a\x00b\x1b[2J") == "a b [2J"
    assert readable("# Plan\n- **Book** it") == "Plan\nBook it"


@pytest.mark.parametrize("text", ["word " * 100, "x" * 1000, "a, b; " * 100, "\u4f1a\u8bae\uff0c" * 90, "One. Two.", ""])
def test_clauses_are_short_and_lose_nothing(text):
    found = clauses(text)
    assert all(0 < len(clause) <= LONGEST for clause in found)
    assert "".join("".join(found).split()) == "".join(text.split())


def test_ids_numbers_and_decisions_come_before_small_talk():
    said = conversation("Lovely weather we have today.", "We agreed to pay 1,074 for OBUT9V.", "How are the children?")
    assert texts(most_telling(said, 20)) == ["We agreed to pay 1,074 for OBUT9V."]
    assert most_telling(said, 20)[0].decision


def test_what_is_known_is_not_remembered_again():
    said = conversation("Pay 1,074 for OBUT9V.", "Yes, pay 1,074 for OBUT9V.", "The gate is B22.")
    assert texts(most_telling(said, 100, known="Yes, they pay 1,074 for OBUT9V")) == ["The gate is B22."]
    assert len(most_telling(said, 100)) == 2


def test_later_word_outweighs_an_earlier_one_of_the_same_kind():
    found = most_telling(conversation("The gate is B21 now.", "x", "The gate is B22 now."), 15)
    assert texts(found) == ["The gate is B22 now."]


def test_what_people_say_outweighs_what_a_tool_returns():
    entries = [
        Entry(turn=0, role="user", content="take HAT017 please"),
        Entry(turn=1, role="tool", content="take HAT018 please"),
    ]
    assert texts(most_telling(read(entries), 14)) == ["take HAT017 please"]


def test_condensed_keeps_short_conversations_whole_and_long_ones_in_order():
    short = conversation("Hello.", "Pay 1,074.")
    assert condensed(short, 1000) == short.entries
    long = conversation(*(f"Item {n} costs {n + 10} at gate B{n}. It is what it is." for n in range(200)))
    kept = condensed(long, 500)
    assert sum(len(str(entry)) + 1 for entry in kept) <= 500
    assert [e.turn for e in kept] == sorted(e.turn for e in kept) and len(kept) > 5


def test_ten_thousand_entries_take_seconds():
    many = [
        Entry(turn=n, role="user", content=f"Order N{n} of {n * 7} units goes to Ann on May {n % 28 + 1}.")
        for n in range(10_000)
    ]
    start = time.process_time()
    found = most_telling(read(many), 4000)
    assert time.process_time() - start < 5
    assert len(found) > 50


@given(st.lists(st.text(max_size=120), max_size=5), st.integers(0, 60))
@settings(max_examples=100, deadline=None)
def test_everything_taken_was_said(contents, tokens):
    said = conversation(*contents)
    found = most_telling(said, tokens)
    assert sum(clause.tokens for clause in found) <= max(tokens, 0)
    assert all(clause.text in readable(contents[clause.turn]) for clause in found)
    assert found == most_telling(said, tokens)
