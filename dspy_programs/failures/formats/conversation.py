"""What all formats share: messages with calls and results, and how they become the turns of a trace.

A call stands on the agent's turn and its result on the tool's turn behind it. An agent that makes several calls in one
message gets a turn for each, with the text on the first, so that every call keeps its own result. A call of the user's own
tools (tau2-bench) stays the user's, with its result.

Guarantees every text, call and result of the messages is in exactly one turn; turns are numbered from 0.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from dspy_programs.failures.formats.offer import Offer
from dspy_programs.types import Trace, Turn

Role = Literal["system", "user", "agent", "tool"]


class Call(NamedTuple):
    """What an agent asks of a tool: the arguments decoded, or the text that was to be JSON."""

    name: str
    given: Any
    id: str | None = None


class Result(NamedTuple):
    """What a tool gave. `given` is its input, where the call itself may not be on record."""

    output: Any
    id: str | None = None
    name: str | None = None
    latency_ms: float | None = None
    given: Any = None


class Message(NamedTuple):
    role: Role
    text: str = ""
    calls: tuple[Call, ...] = ()
    results: tuple[Result, ...] = ()


class _Asked:
    """A call that waits for its result."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.result: Result | None = None


def _turns_of(messages: Sequence[Message], latencies: Mapping[str, float] | None = None) -> list[Turn]:
    """Return the turns. `latencies` are milliseconds by the id of the call, where they were recorded apart."""
    asked, strays = paired(messages)
    turns: list[Turn] = []

    def add(role: Role, **fields: Any) -> None:
        turns.append(Turn(turn_number=len(turns), role=role, **fields))

    for place, message in enumerate(messages):
        waiting = asked[place]
        if message.text or not (waiting or message.results):
            first = waiting.pop(0) if waiting and message.role != "tool" else None
            _add_call(add, message.role, message.text, first, latencies or {})
        for one in waiting:
            _add_call(add, message.role, "", one, latencies or {})
        for stray in strays[place]:
            _add_result(add, stray, latencies or {})
    return turns


def _add_call(add: Callable[..., None], role: Role, text: str, asked: _Asked | None, latencies: Mapping[str, float]) -> None:
    if asked is None:
        add(role, content=text)
        return
    call, result = asked.call, asked.result
    late = latencies.get(call.id or "") if result is None else None
    add(role, content=text, tool_name=call.name, tool_input=call.given, latency_ms=late)
    if result is not None:
        _add_result(
            add, result._replace(id=call.id, name=call.name, given=None), latencies, "user" if role == "user" else "tool"
        )


def _add_result(add: Callable[..., None], result: Result, latencies: Mapping[str, float], role: Role = "tool") -> None:
    latency = result.latency_ms if result.latency_ms is not None else latencies.get(result.id or "")
    add(role, tool_name=result.name, tool_input=result.given, tool_output=result.output, latency_ms=latency)


def paired(messages: Sequence[Message]) -> tuple[list[list[_Asked]], list[list[Result]]]:
    """Return for each message its calls with their results, and the results that answer no call on record."""
    asked: list[list[_Asked]] = []
    strays: list[list[Result]] = []
    queues: defaultdict[tuple[str, str | None], deque[_Asked]] = defaultdict(deque)
    for message in messages:
        asked.append([_Asked(call) for call in message.calls])
        strays.append([])
        for one in asked[-1]:
            kind = "id" if one.call.id else "no id"
            for key in ((kind, one.call.id or one.call.name), (kind, None), ("name", one.call.name), ("name", None)):
                queues[key].append(one)
        for result in message.results:
            keys = [("id", result.id), ("no id", result.name)] if result.id else [("name", result.name)]
            if (first := next(filter(None, (_unanswered(queues[key]) for key in keys)), None)) is None:
                strays[-1].append(result)
            else:
                first.result = result
    return asked, strays


def _unanswered(queue: deque[_Asked]) -> _Asked | None:
    """Return the call that has waited longest."""
    while queue and queue[0].result is not None:
        queue.popleft()
    return queue[0] if queue else None


def trace_of(
    messages: Sequence[Message],
    *,
    trace_id: str = "",
    goal: str | None = None,
    final: str | None = None,
    is_successful: bool | None = None,
    error: str | None = None,
    offer: Offer | None = None,
    latencies: Mapping[str, float] | None = None,
) -> Trace:
    """Return a trace. The goal is by default what the user said first, the result what the agent said last.

    `error` is what ended the run before its answer: the agent's last words are then no result.
    """
    said = [message.text for message in messages if message.role == "user" and message.text]
    answers = [message.text for message in messages if message.role == "agent" and message.text]
    return Trace(
        trace_id=trace_id,
        original_goal=goal or next(iter(said), ""),
        final_result=final if final is not None or error else answers[-1] if answers else None,
        is_successful=is_successful,
        error=error,
        tools=sorted(offer.names) if offer is not None and offer.names else None,
        tool_schemas=offer.schemas if offer is not None else {},
        turns=_turns_of(messages, latencies),
    )
