"""Runs of SWE-agent (.traj) and mini-SWE-agent (.traj.json).

Its demonstrations are no part of the run. An action without a call of a function is one of the shell: the tool is named
after its first word, the whole command is its input. A submission says nothing of its own success, an exit is an error.

Source     github.com/SWE-agent/SWE-agent (trajectory, history, info), mini-swe-agent (docs: output files).
"""

import re
from collections.abc import Iterator
from typing import Any

from dspy_programs.conversation import (
    Call,
    Message,
    Result,
    as_dict,
    as_list,
    finite,
    first_text,
    json_of,
    messages_of,
    text_id,
)
from dspy_programs.errors import UsageError
from dspy_programs.failures.formats.turns import trace_of
from dspy_programs.types import Trace

_WORD = re.compile(r"\s{0,20}([A-Za-z_][\w.-]{0,60})(?=\s|$)")
_BLOCK = re.compile(r"```(?:bash|sh|mswea_bash_command)\s*\n(.*?)\n?```", re.DOTALL)
_LONGEST = 100_000  # characters of an answer that are searched for its command


def is_run(raw: Any) -> bool:
    if not isinstance(raw, dict):
        return False
    if str(raw.get("trajectory_format", "")).startswith("mini-swe-agent"):
        return True
    steps, history = as_list(raw.get("trajectory")), as_list(raw.get("history"))
    is_step = any(isinstance(step, dict) and {"action", "observation"} <= step.keys() for step in steps)
    return is_step or any(isinstance(item, dict) and "message_type" in item and "agent" in item for item in history)


def read(raw: dict[str, Any]) -> Trace:
    """Read one run. Raises UsageError if it has no steps."""
    info = as_dict(raw.get("info"))
    is_mini = "trajectory_format" in raw
    messages = list(_mini(raw) if is_mini else _history(raw))
    if not any(message.role == "agent" for message in messages):
        raise UsageError("trajectory: has no step of the agent")
    status, problem = (
        first_text(info, "exit_status"),
        as_dict(as_dict(json_of(raw.get("replay_config"))).get("problem_statement")),
    )
    resolved = info.get("resolved", raw.get("resolved"))
    return trace_of(
        messages,
        trace_id=text_id(raw, "instance_id") or text_id(info, "instance_id") or text_id(problem, "id") or "",
        goal=first_text(problem, "text"),
        final=first_text(info, "submission"),
        is_successful=resolved if isinstance(resolved, bool) else None,
        error=None if status is None or status.lower() == "submitted" else status,
    )


def _history(raw: dict[str, Any]) -> Iterator[Message]:
    """Yield the messages of SWE-agent's history, with the times of its steps; of the steps alone where it is missing."""
    steps = [step for step in as_list(raw.get("trajectory")) if isinstance(step, dict)]
    history = [item for item in as_list(raw.get("history")) if isinstance(item, dict)]
    told = [item for item in history if item.get("message_type") != "demonstration" and item.get("is_demo") is not True]
    if not any(item.get("role") == "assistant" for item in told):
        yield from messages_of([item for item in told if item.get("role") in ("system", "user")], "history")
        for step in steps:
            yield from _step(step, first_text(step, "thought", "response") or "", step.get("observation"), _time_of(step))
        return
    times = iter([_time_of(step) for step in steps])
    latency: float | None = None
    open_call: str | None = None
    for place, item in enumerate(told):
        if item.get("role") == "assistant":
            latency = next(times, None)
            open_call = None if as_list(item.get("tool_calls")) else first_text(item, "action")
            (said,) = messages_of([item], f"history[{place}]") or [Message("agent")]
            yield said._replace(text=first_text(item, "thought") or said.text, calls=said.calls or _calls(open_call))
        elif open_call is not None and item.get("role") == "user":
            yield Message("tool", results=(Result(item.get("content"), None, _calls(open_call)[0].name, latency),))
            open_call = None
        else:
            for message in messages_of([item], f"history[{place}]"):
                yield message._replace(results=tuple(result._replace(latency_ms=latency) for result in message.results))
                latency = None if message.results else latency


def _step(step: dict[str, Any], text: str, output: Any, latency: float | None) -> Iterator[Message]:
    calls = _calls(first_text(step, "action"))
    yield Message("agent", text, calls)
    if output is not None:
        yield Message("tool", results=(Result(output, None, calls[0].name if calls else None, latency),))


def _calls(action: str | None) -> tuple[Call, ...]:
    """Return the call that an action makes."""
    if not action or not action.strip():
        return ()
    word = _WORD.match(action)
    return (Call(word.group(1) if word else "bash", action.strip()),)


def _time_of(step: dict[str, Any]) -> float | None:
    seconds = step.get("execution_time")
    return finite(round(seconds * 1000, 3)) if isinstance(seconds, (int, float)) and seconds >= 0 else None


def _mini(raw: dict[str, Any]) -> Iterator[Message]:
    """Yield the messages of a run of mini-SWE-agent: a command stands in a block of the answer, or is a call."""
    waits = False
    for place, item in enumerate(as_list(raw.get("messages"))):
        if not isinstance(item, dict) or item.get("role") == "exit":
            continue  # the exit repeats what `info` says
        content, extra = item.get("content"), as_dict(item.get("extra"))
        if waits and item.get("role") == "user":
            yield Message("tool", results=(_ran(content, extra, None),))
            waits = False
            continue
        for said in messages_of([item], f"messages[{place}]"):
            if said.results:
                yield said._replace(results=tuple(_ran(result.output, extra, result.id) for result in said.results))
                continue
            blocks = _BLOCK.findall(said.text[:_LONGEST]) if said.role == "agent" and not said.calls else []
            waits = len(blocks) == 1
            yield said._replace(calls=(Call("bash", {"command": blocks[0].strip()}),)) if waits else said


def _ran(output: Any, extra: dict[str, Any], id_: str | None) -> Result:
    """Return what a command gave; a code that is not 0, and what the environment raised, are kept beside it."""
    kept = {key: extra[key] for key in ("returncode", "exception_info") if extra.get(key)}
    return Result({**kept, "output": output} if kept else output, id_)
