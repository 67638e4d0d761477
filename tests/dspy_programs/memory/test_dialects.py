"""Every dialect: what goes in is in the entries and comes back, and what is compressed stays of the session's kind."""

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.conversation import call_of
from dspy_programs.memory import MemoryCompressor, compress_session, messages_of, restore, store_of
from dspy_programs.memory.originals import records_of
from dspy_programs.memory.sessions.dialects import Note
from dspy_programs.memory.sessions.entries import messages_in
from tests.talks import DIALECTS

TALK = [
    ("user", "Compare Oslo and Graz, please."),
    ("agent", "I look both up.", [("weather", {"city": "Oslo"}, "4 degrees"), ("weather", {"city": "Graz"}, "19 degrees")]),
    ("agent", "Graz is warmer.", []),
    ("user", "Book the hotel there."),
    ("agent", "", [("book", {"hotel": "Weitzer", "nights": 2}, "reservation 4WQ150")]),
    ("agent", "Done: 4WQ150.", []),
    ("user", "Thanks."),
]
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).map(lambda text: f"w {text} w")
CALLS = st.lists(st.tuples(st.sampled_from(["look", "book"]), st.dictionaries(WORDS, WORDS, max_size=2), WORDS), max_size=3)
STEPS = st.one_of(st.tuples(st.just("user"), WORDS), st.tuples(st.just("agent"), WORDS, CALLS))
TALKS = st.lists(STEPS, min_size=1, max_size=8)


def said_in(store) -> list[Any]:
    """Return what a store's entries say, one by one: texts, calls with arguments, results with the call that they answer."""
    calls = {call["id"]: call_of(call) for entry in store for call in entry.calls}
    found: list[Any] = []
    for entry in store:
        if entry.role == "tool":
            found.append(("result", calls[entry.answers].given, entry.content))
            continue
        found += [(entry.role, entry.content)] if entry.content else []
        found += [("call", call_of(call).name, call_of(call).given) for call in entry.calls]
    return found


def said_of(talk) -> list[Any]:
    found: list[Any] = []
    for step in talk:
        found += [("user" if step[0] == "user" else "assistant", step[1])] if step[1] else []
        for name, arguments, result in step[2] if step[0] == "agent" else ():
            found += [("call", name, arguments), ("result", arguments, result)]
    return found


def in_any_order(said: list[Any]) -> list[str]:
    return sorted(json.dumps(one, sort_keys=True) for one in said)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_text_call_and_result_is_in_one_entry(dialect):
    store = store_of(DIALECTS[dialect](TALK)).store
    assert in_any_order(said_in(store)) == in_any_order(said_of(TALK))
    assert [entry.content for entry in store if entry.role == "user"] == [step[1] for step in TALK if step[0] == "user"]
    assert "private" not in "".join(entry.text for entry in store) and "gAAA" not in "".join(entry.text for entry in store)


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=15, deadline=None)
@given(talk=TALKS)
def test_nothing_is_lost_whatever_is_said(dialect, talk):
    session = DIALECTS[dialect](talk)
    known = store_of(session)
    assert in_any_order(said_in(known.store)) == in_any_order(said_of(talk))
    ids = [call["id"] for entry in known.store for call in entry.calls]
    assert len(ids) == len(set(ids)) and all(ids)
    assert messages_of(known) == session
    assert messages_in(known.store) == list_of(session)


def list_of(session) -> list[Any]:
    if isinstance(session, list):
        return session
    return session.get("messages") or session.get("turns") or session["values"]["messages"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_messages_come_back_as_the_very_objects(dialect):
    session = DIALECTS[dialect](TALK)
    assert all(got is one for got, one in zip(list_of(messages_of(store_of(session))), list_of(session), strict=True))


def plain_note(text):
    return {"role": "user", "content": text}


def block_note(text):
    return {"role": "user", "content": [{"type": "text", "text": text}]}


def dumped_note(text):
    kwargs = {"type": "human", "content": text}
    return {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "HumanMessage"], "kwargs": kwargs}


PLAIN = ("openai", "legacy", "items", "autogen_old", "inspect_log", "wrapped")
NOTES = {
    **dict.fromkeys(PLAIN, plain_note),
    **dict.fromkeys(("anthropic", "vercel"), block_note),
    "bedrock": lambda text: {"role": "user", "content": [{"text": text}]},
    "gemini": lambda text: {"role": "user", "parts": [{"text": text}]},
    **dict.fromkeys(("langgraph", "state"), lambda text: {"type": "human", "content": text}),
    "langchain": lambda text: {"type": "human", "data": {"type": "human", "content": text}},
    "langchain_dump": dumped_note,
    "autogen": lambda text: {"type": "UserMessage", "source": "user", "content": text},
    "claude_code": lambda text: {"type": "user", "sessionId": "s1", "message": plain_note(text)},
}


@pytest.mark.parametrize("dialect", [name for name in DIALECTS if name != "trace"])
def test_what_is_compressed_is_a_users_message_of_the_sessions_kind(dialect):
    long = [("user", f"Note {n}: the code of room {n} is {1000 + n}, as it was said before.") for n in range(30)]
    session = DIALECTS[dialect]([*long, *TALK])
    known = store_of(session)
    MemoryCompressor(300, 2).compress(known.store)
    texts = [entry.content for entry in known.store if entry.role == "compressed"]
    notes = [message for message in list_of(messages_of(known)) if isinstance(message, Note)]
    assert notes and notes == [NOTES[dialect](text) for text in texts]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_compressed_again_and_again_everything_can_be_restored(dialect):
    long = [("user", f"Note {n}: the code of room {n} is {1000 + n}, as it was said before.") for n in range(30)]
    session = left = DIALECTS[dialect]([*long, *TALK])
    for budget in (500, 300, 220):
        left, report = compress_session(left, budget, 2)
        assert report.final_tokens <= budget
    assert messages_in(restore(store_of(left).store)) == list_of(session)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_shortened_result_stays_in_its_place(dialect):
    session = DIALECTS[dialect](TALK)
    known = store_of(session)
    result = next(entry for entry in known.store if entry.content == "19 degrees")
    known.store.update_entry(result.id, content="(19)")
    told = messages_of(known)
    again = store_of(told).store
    expected = [(*one[:-1], "(19)") if one[-1] == "19 degrees" else one for one in said_of(TALK)]
    assert in_any_order(said_in(again)) == in_any_order(expected)
    assert "19 degrees" not in json.dumps(told) and len(list_of(told)) == len(list_of(session))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_shortened_results_are_known_again_with_their_originals(dialect):
    session = DIALECTS[dialect](TALK)
    known = store_of(session)
    for entry in known.store.entries:
        if entry.role == "tool":
            record = records_of(entry, known.store.position(entry), "summarize", 0.0)[0]
            known.store.update_entry(entry.id, content="(short)", compression_history=[record])
    told = messages_of(known)
    again = store_of(told)
    assert [entry.content for entry in again.store if entry.role == "tool"] == ["(short)"] * 3
    assert all(len(entry.compression_history) == (entry.role == "tool") for entry in again.store)
    assert messages_of(again) == told and not [m for m in list_of(told) if "compression_history" in m]
    assert len(store_of([*list_of(told), *list_of(told)]).store) == 2 * len(known.store) if isinstance(told, list) else True
