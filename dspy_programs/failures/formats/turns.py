"""How messages become the turns of a trace.

A call stands on the agent's turn and its result on the tool's turn behind it. An agent that makes several calls in one
message gets a turn for each, with the text on the first, so that every call keeps its own result. A call of the user's own
tools (tau2-bench) stays the user's, with its result.

Guarantees every text, call and result of the messages is in exactly one turn; turns are numbered from 0.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dspy_programs.conversation import Asked, Message, Result, Role, paired
from dspy_programs.failures.formats.offer import Offer
from dspy_programs.types import Trace, Turn


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


def _add_call(add: Callable[..., None], role: Role, text: str, asked: Asked | None, latencies: Mapping[str, float]) -> None:
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
        tool_descriptions=offer.descriptions if offer is not None else {},
        turns=_turns_of(messages, latencies),
    )
