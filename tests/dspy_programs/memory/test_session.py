"""Sessions of every kind: live objects, wrappers, speakers' names, ids; and hostile ones, which only raise UsageError."""

import contextlib
import copy
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given, settings, strategies as st
from pydantic import BaseModel, ConfigDict

from dspy_programs.errors import UsageError
from dspy_programs.memory import compress_session, messages_of, restore, store_of
from dspy_programs.memory.sessions.entries import messages_in
from dspy_programs.types import Trace, Turn
from tests.talks import DIALECTS


class HumanMessage(BaseModel):
    """As LangChain's."""

    model_config = ConfigDict(extra="allow")

    content: str | list[Any]
    type: Literal["human"] = "human"
    name: str | None = None


class AIMessage(BaseModel):
    content: str | list[Any]
    type: Literal["ai"] = "ai"
    tool_calls: list[dict[str, Any]] = []


class ToolMessage(BaseModel):
    content: str
    tool_call_id: str
    type: Literal["tool"] = "tool"


class Part(BaseModel):
    """As Gemini's."""

    text: str | None = None
    function_call: dict[str, Any] | None = None
    inline_data: dict[str, Any] | None = None


class Content(BaseModel):
    role: str | None = None
    parts: list[Part] | None = None


@dataclass
class Item:
    """As a run item of OpenAI's Agents."""

    raw_item: Any
    type: str = "item"


LIVE = [
    HumanMessage(content="How many rooms are free on the third floor this week?", name="Ana"),
    AIMessage(content="", tool_calls=[{"name": "count", "args": {"q": 1}, "id": "c1", "type": "tool_call"}]),
    ToolMessage(content="42 rooms", tool_call_id="c1"),
    AIMessage(content="There are 42 rooms free, as the count of this morning says."),
    HumanMessage(content="Thanks."),
]


def test_live_objects_come_back_and_the_note_is_one_of_them():
    known = store_of(LIVE)
    assert [entry.role for entry in known.store] == ["user", "assistant", "tool", "assistant", "user"]
    assert known.store.entries[0].kept("name") == "Ana" and known.store.entries[2].answers == "c1"
    assert all(got is one for got, one in zip(messages_of(known), LIVE, strict=True))
    left, _ = compress_session(LIVE, known.store.token_total() - 12, 1)
    assert isinstance(left[0], HumanMessage) and left[0].content and left[-1] is LIVE[-1]


def test_live_objects_compressed_again_and_again_can_be_restored():
    session = left = [HumanMessage(content=f"Note {n}: the code of room {n} is {n * 7919}, as said.") for n in range(30)]
    for budget in (300, 200, 120):
        left, _ = compress_session(left, budget, 2)
    assert all(set(message.model_dump()) == {"content", "type", "name"} for message in left)
    assert [entry.content for entry in restore(store_of(left).store)] == [message.content for message in session]


def test_live_contents_of_gemini():
    session = [Content(role="user", parts=[Part(text=f"Note {n}: the code is {n * 7919}.")]) for n in range(20)]
    known = store_of(session)
    assert known.store.entries[3].content == "Note 3: the code is 23757."
    left, _ = compress_session(session, 90, 1)
    assert isinstance(left[0], Content) and left[0].role == "user" and left[0].parts[0].text


def test_items_of_a_run_and_its_getter():
    class Run:
        def to_input_list(self):
            return [Item(raw) if "role" not in raw else raw for raw in DIALECTS["items"]([("user", "Hi"), ("agent", "Yo", [])])]

    assert [(entry.role, entry.content) for entry in store_of(Run()).store] == [("user", "Hi"), ("assistant", "Yo")]


def test_a_graphs_snapshot_and_pairs():
    class Snapshot:
        def __init__(self):
            self.values = {"messages": [("system", "Be brief."), ("human", "Hi")]}

    assert [(entry.role, entry.content) for entry in store_of(Snapshot()).store] == [("system", "Be brief."), ("user", "Hi")]


def test_a_trace_of_ours_stays_one():
    turns = [Turn(turn_number=n, role="user", content=f"Note {n}: the code of room {n} is {n + 1000}.") for n in range(20)]
    trace = Trace(trace_id="t", original_goal="g", turns=turns)
    assert messages_of(store_of(trace)) == trace
    left, report = compress_session(trace, 150, 2)
    assert isinstance(left, Trace) and left.turns[-2:] == turns[-2:] and report.tokens_saved > 0
    left, _ = compress_session(left, 100, 1)
    assert [entry.content for entry in restore(store_of(left).store)] == [turn.content for turn in turns]


def test_the_system_prompt_beside_the_messages_is_counted_and_stays_there():
    request = {
        "system": [{"type": "text", "text": "Never delete."}],
        "messages": [{"role": "user", "content": f"{n} " * 40} for n in range(9)],
    }
    known = store_of(request)
    assert [entry.role for entry in known.store][:2] == ["system", "user"] and known.store.entries[0].content == "Never delete."
    assert messages_of(known) == request
    left, _ = compress_session(request, 150, 1)
    assert left["system"] == request["system"] and len(left["messages"]) < 9
    assert all(message["role"] == "user" for message in left["messages"])


def test_calls_and_results_without_ids_get_one():
    session = [
        {"role": "user", "parts": [{"text": "Both"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "w", "args": {"c": c}}} for c in ("Oslo", "Graz")]},
        {"role": "user", "parts": [{"functionResponse": {"name": "w", "response": {"result": r}}} for r in ("4", "19")]},
    ]
    _, asked, first, second = store_of(session).store
    assert asked.call_ids == [first.answers, second.answers] and len(set(asked.call_ids)) == 2


def test_two_results_with_one_id_answer_two_calls():
    calls = [{"id": "x", "type": "function", "function": {"name": "w", "arguments": "{}"}}] * 2
    results = [{"role": "tool", "tool_call_id": "x", "content": text} for text in ("one", "two")]
    session = [{"role": "assistant", "content": None, "tool_calls": calls}, *results]
    asked, first, second = store_of(session).store
    assert asked.call_ids == [first.answers, second.answers] and len(set(asked.call_ids)) == 2
    assert messages_in(store_of(session).store) == session


def test_what_a_subagent_says_is_not_in_this_context():
    talk = [("user", "Go."), ("agent", "Gone.", [])]
    lines = DIALECTS["claude_code"](talk)
    side = [{**line, "isSidechain": True, "agentId": "a1", "uuid": f"s{n}"} for n, line in enumerate(lines[1:])]
    known = store_of([*lines, *side])
    assert [entry.content for entry in known.store] == ["Go.", "Gone."] and messages_of(known) == [*lines, *side]


def test_two_sessions_in_one_are_refused():
    lines = DIALECTS["claude_code"]([("user", "Go.")])[1:]
    with pytest.raises(UsageError, match="2 sessions, expected one: s1, s2"):
        store_of([*lines, *({**line, "sessionId": "s2", "uuid": "z", "parentUuid": None} for line in lines)])


@pytest.mark.parametrize(
    ("session", "what"),
    [
        ({"resourceSpans": []}, "no list of messages, but the keys resourceSpans"),
        ({"samples": [{}, {}], "eval": {}}, "samples: 2 conversations, expected one"),
        ({"contents": [{"parts": [{"text": "x"}]}, 7]}, r"contents\[1\]: is a number"),
        ([{"role": "user", "content": "x"}, {"type": "weird", "content": "y"}], r"messages\[1\]: type: 'weird'"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(session, what):
    with pytest.raises(UsageError, match=what):
        store_of(session)


def test_reasoning_alone_is_kept_and_costs_nothing():
    session = [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "private"}]}]
    known = store_of(session)
    assert known.store.token_total() == 0 and messages_of(known) == session == messages_in(known.store)


@pytest.mark.parametrize("deep", [100, 5000])
def test_deep_nesting_is_read_or_refused(deep):
    content: Any = "x"
    for _ in range(deep):
        content = [{"type": "tool_result", "tool_use_id": "a", "content": content}]
    session = [{"role": "user", "content": content}]
    assert messages_of(store_of(session)) is not None


KEYS = (
    "role type content parts tool_calls function name id data kwargs raw_item message call_id arguments source "
    "text functionCall functionResponse tool_responses output audio images turns messages sessionId uuid "
    "additional_kwargs image_url system tool_call_id values request response choices input compressed "
    "compression_history original position"
).split()
WORDS = (
    "user assistant tool ai human model function_call function_call_output tool_result text tool_use image "
    "TextMessage ToolCallExecutionEvent ThoughtEvent AIMessageChunk constructor x"
).split()
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(WORDS), st.text(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)),
    max_leaves=25,
)


SESSIONS = st.one_of(st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6), max_size=4), VALUES)
TALK = [("user", "Both."), ("agent", "I look.", [("w", {"c": "Oslo"}, "4"), ("w", {"c": "Graz"}, "19")]), ("user", "Thanks.")]


def check_that_only_usage_errors_go_out(session):
    try:
        known = store_of(session)
    except UsageError:
        return
    assert repr(messages_of(known)) == repr(session)
    messages_in(known.store)
    for entry in known.store.entries:
        known.store.update_entry(entry.id, content="short")
    again = messages_of(known)
    messages_in(known.store)
    with contextlib.suppress(UsageError):
        store_of(again)


@settings(max_examples=100, deadline=None)
@given(session=SESSIONS)
def test_whatever_comes_only_usage_errors_go_out(session):
    check_that_only_usage_errors_go_out(session)


def places_in(value, path=()):
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield (*path, key)
        yield from places_in(inner, (*path, key))


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_talk_with_anything_in_a_wrong_place_is_read_or_refused(dialect, data):
    session = copy.deepcopy(DIALECTS[dialect](TALK))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(places_in(session))))
        holder = session
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = data.draw(VALUES)
    check_that_only_usage_errors_go_out(session)
