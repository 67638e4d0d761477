"""Complete records from chat logs: a list of messages, a request with its reply, the state of a LangGraph thread.

Guarantees a record's other fields are kept: its id, the goal, the offered tools, how it ended.
"""

from typing import Any

from dspy_programs.errors import UsageError
from dspy_programs.failures.formats.chat import as_list, keys_of, messages_of, output_of, text_id
from dspy_programs.failures.formats.conversation import Message, trace_of
from dspy_programs.schemas import tool_names
from dspy_programs.types import Trace

MESSAGES = ("messages", "history", "conversation", "transcript", "input")
_STATES = ("state", "values", "channel_values")
_IDS = ("trace_id", "id", "thread_id", "conversation_id", "session_id", "run_id", "task_id", "file")
_GOALS = ("original_goal", "goal", "question", "task", "instruction", "query")
_SUCCESSES = ("is_successful", "success", "is_correct", "resolved")
_LANGCHAIN = ("human", "ai", "AIMessageChunk", "constructor")


def is_messages(raw: Any) -> bool:
    """Return whether a value is a list of messages, in any dialect."""
    return isinstance(raw, list) and bool(raw) and isinstance(raw[0], dict) and is_message(raw[0])


def is_message(raw: dict[str, Any]) -> bool:
    if isinstance(raw.get("role"), str):
        return bool({"content", "parts", "tool_calls", "function_call"} & raw.keys())
    kind = raw.get("type")
    if not isinstance(kind, str):
        return False
    return kind.endswith(("_call", "_call_output")) or bool({"content", "data", "kwargs", "message"} & raw.keys())


def is_record(raw: dict[str, Any]) -> bool:
    return _state_of(raw) is not None or any(isinstance(part.get(key), list) for part in parts(raw) for key in MESSAGES)


def parts(raw: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the objects that may contain a record's messages: itself, or its request."""
    return [raw, *(raw[key] for key in ("request", "kwargs", "body") if isinstance(raw.get(key), dict))]


def _state_of(raw: dict[str, Any]) -> dict[str, Any] | None:
    states = (raw[key] for key in _STATES if isinstance(raw.get(key), dict))
    return next((state for state in states if isinstance(state.get("messages"), list)), None)


def dialect_of(raw: Any) -> str:
    """Name the dialect of a record or a list of messages: langgraph, openai, anthropic, or messages if it is plain."""
    if isinstance(raw, dict) and _state_of(raw) is not None:
        return "langgraph"
    said = (
        raw if isinstance(raw, list) else next((p[key] for p in parts(raw) for key in MESSAGES if is_messages(p.get(key))), [])
    )
    found = [item for item in said if isinstance(item, dict)]
    kinds = {str(item.get("type")) for item in found if "role" not in item}
    if kinds & set(_LANGCHAIN):
        return "langgraph"
    blocks = [part.get("type") for item in found for part in as_list(item.get("content")) if isinstance(part, dict)]
    if any(kind in ("tool_use", "tool_result", "thinking") for kind in blocks) or (isinstance(raw, dict) and "system" in raw):
        return "anthropic"
    has_calls = any({"tool_calls", "function_call", "tool_call_id"} & item.keys() for item in found)
    is_api = isinstance(raw, dict) and bool({"choices", "request", "input"} & raw.keys())
    return "openai" if has_calls or is_api or any(kind.startswith("function_call") for kind in kinds) else "messages"


def read_messages(raw: list[Any]) -> Trace:
    return trace_of(messages_of(raw))


def read_record(raw: dict[str, Any]) -> Trace:
    """Read an object that contains messages. Raises UsageError if there are none."""
    state = _state_of(raw)
    holders = [state] if state is not None else parts(raw)
    found = next(((part, key) for part in holders for key in MESSAGES if isinstance(part.get(key), list)), None)
    if found is None:
        raise UsageError(f"no list of messages; the object has the keys {keys_of(raw)}")
    holder, key = found
    goal = _first_text(raw, *_GOALS) or (_first_text(state, *_GOALS) if state is not None else None)
    said = _as_agents(holder[key]) if goal and _is_talk_of_agents(holder[key]) else holder[key]
    messages = [*instructions(holder), *messages_of(said, key), *replies(raw)]
    if not messages:
        raise UsageError(f"{key}: empty; there is no run to read")
    offers = [tool_names(part.get(name)) for part in (holder, raw) for name in ("tools", "functions")]
    return trace_of(
        messages,
        trace_id=text_id(raw, *_IDS) or _thread_of(raw),
        goal=goal,
        final=_first_text(raw, "final_result", "final_answer"),
        is_successful=outcome_of(raw),
        tools=next(filter(None, offers), None),
    )


def _is_talk_of_agents(said: list[Any]) -> bool:
    """Return whether several agents talk to each other: all have names, and none makes calls."""
    plain = all(isinstance(item, dict) and isinstance(item.get("name"), str) and "tool_calls" not in item for item in said)
    return plain and len({item["name"] for item in said if item.get("role") != "tool"}) > 1


def _as_agents(said: list[Any]) -> list[dict[str, Any]]:
    """Use each agent's name as its role, whatever its role towards the others; a terminal is a tool (AutoGen)."""
    is_tool = [item.get("role") in ("tool", "function") or item["name"].lower().endswith("terminal") for item in said]
    return [{**item, "role": "tool" if tool else item["name"]} for item, tool in zip(said, is_tool, strict=True)]


def instructions(holder: dict[str, Any]) -> list[Message]:
    """Return the system prompt stored next to the messages."""
    told = next((holder[key] for key in ("system", "instructions") if holder.get(key)), None)
    text = output_of(told)
    return [Message("system", text)] if isinstance(text, str) and text else []


def replies(raw: dict[str, Any]) -> list[Message]:
    """Return the model's answer, if a log keeps the request and its reply."""
    reply = raw["response"] if isinstance(raw.get("response"), dict) else raw
    if isinstance(choices := reply.get("choices"), list):
        return messages_of([c["message"] for c in choices[:1] if isinstance(c, dict) and "message" in c], "choices")
    if isinstance(output := reply.get("output"), list):
        return messages_of(output, "output")
    return messages_of([reply], "response") if reply is not raw and "role" in reply else []


def _thread_of(raw: dict[str, Any]) -> str:
    """Return the thread's id from LangGraph's snapshot config."""
    config = raw.get("config")
    inner = config.get("configurable") if isinstance(config, dict) else None
    return (text_id(inner, "thread_id") if isinstance(inner, dict) else None) or ""


def _first_text(raw: dict[str, Any], *keys: str) -> str | None:
    return next((raw[key] for key in keys if isinstance(raw.get(key), str) and raw[key]), None)


def outcome_of(raw: dict[str, Any]) -> bool | None:
    """Return how the run ended, if the record says so."""
    value = next((raw[key] for key in _SUCCESSES if raw.get(key) is not None), None)
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return bool(value) if isinstance(value, (bool, int, float)) and value in (0, 1) else None
