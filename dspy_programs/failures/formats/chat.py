"""One message of a chat log in any dialect: OpenAI (Chat and Responses), Anthropic, LangChain, Inspect, OpenTelemetry.

The dialects use different keys for the same things and never one key for two things, so that one reader does for all.
A role that nobody knows is an agent's, with its name in front of the text. Pictures and sounds stay as a word for what
they are.

Source     platform.openai.com/docs/api-reference, docs.anthropic.com/en/api/messages, python.langchain.com (messages),
           inspect.aisi.org.uk/reference, opentelemetry.io/docs/specs/semconv/gen-ai.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dspy_programs.errors import UsageError
from dspy_programs.failures.formats.conversation import Call, Message, Result, Role
from dspy_programs.failures.jsonable import to_jsonable

ROLES: dict[str, Role] = {
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("assistant", "ai", "agent", "model", "bot"), "agent"),
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("tool", "function", "observation", "environment", "ipython"), "tool"),
}
TEXT = (None, "text", "input_text", "output_text", "summary_text")
_PRIVATE = ("thinking", "redacted_thinking", "reasoning", "reasoning_content")
_CALL_PARTS = ("tool_call", "tool-call", "server_tool_call", "function_call")
_RESULT_PARTS = ("tool_call_response", "tool-result", "server_tool_call_response")


class Parts:
    """What the content of a message holds."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.calls: list[Call] = []
        self.results: list[Result] = []

    def add_calls(self, calls: Iterable[Call]) -> None:
        """Add what is new: some logs tell a call twice, as a part of the content and beside it."""
        known = {call.id for call in self.calls if call.id}
        self.calls += [call for call in calls if call.id not in known]


def messages_of(raw: Sequence[Any], where: str = "messages") -> list[Message]:
    """Read a list of messages. Raises UsageError for what is no message, with its place."""
    found: list[Message] = []
    for place, item in enumerate(raw):
        message = message_of(item, f"{where}[{place}]")
        if message is None:
            continue
        last = found[-1] if found else None
        is_item = isinstance(item, dict) and "role" not in item and message.calls and not message.text
        if is_item and last is not None and last.role == "agent" and not last.results:  # one answer, told item by item
            found[-1] = last._replace(calls=last.calls + message.calls, results=message.results)
        else:
            found.append(message)
    return found


def message_of(raw: Any, where: str) -> Message | None:
    """Read one message; None for one that holds nothing but private reasoning."""
    if isinstance(raw, list) and len(raw) == 2 and all(isinstance(item, str) for item in raw):
        raw = {"role": raw[0], "content": raw[1]}  # LangGraph takes pairs too
    if not isinstance(raw, dict):
        raise UsageError(f"{where}: is {kind_of(raw)}, not a message; a message is an object with role and content")
    raw = _unwrapped(raw)
    kind = raw.get("type")
    if isinstance(kind, str) and "role" not in raw and (kind in _PRIVATE or kind.endswith(("_call", "_call_output"))):
        return _response_item(raw, kind)
    name = raw.get("role") or kind
    if not isinstance(name, str) or not name:
        raise UsageError(f"{where}: role: is missing; the message has the keys {keys_of(raw)}")
    parts = parts_of(raw.get("content", raw.get("parts")))
    _add_beside(parts, raw)
    role: Role = ROLES.get(name.lower(), "agent")
    text = "\n".join(parts.texts)
    if role == "tool" and not parts.results:
        return Message("tool", results=(_tool_message(raw, parts),))
    if name.lower() not in ROLES:
        text = f"{name}: {text}"
    if not (text or parts.calls or parts.results) and _has_only_reasoning(raw.get("content", raw.get("parts"))):
        return None
    return Message(role, text, tuple(parts.calls), tuple(parts.results))


def _unwrapped(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the message itself: LangChain puts it into `kwargs` or `data`, logs of sessions into `message`."""
    if isinstance(inner := raw.get("message"), dict) and "role" in inner:
        return inner
    if isinstance(inner := raw.get("data"), dict) and "content" in inner and isinstance(raw.get("type"), str):
        return {"type": raw["type"], **inner}
    if isinstance(inner := raw.get("kwargs"), dict) and isinstance(raw.get("id"), list) and raw["id"]:
        class_name = str(raw["id"][-1]).removesuffix("Chunk").removesuffix("Message").lower()
        return {"type": class_name, **inner}
    return raw


def parts_of(content: Any) -> Parts:
    """Take a content apart. A part of an unknown type is named in the text, and its own text kept."""
    parts = Parts()
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            parts.texts += [part] if part else []
        elif isinstance(part, dict):
            _add_part(parts, part)
        elif part is not None:
            parts.texts.append(json.dumps(part, ensure_ascii=False))
    return parts


def _add_part(parts: Parts, part: dict[str, Any]) -> None:
    kind = part.get("type")
    words = next((part[key] for key in ("text", "content", "refusal") if isinstance(part.get(key), str)), None)
    if isinstance(part.get("text"), dict):
        words = str(part["text"].get("value", ""))  # OpenAI's threads
    if kind in _PRIVATE:
        return
    if kind in _CALL_PARTS or str(kind).endswith("tool_use"):
        parts.add_calls([_call_of(part)])
    elif kind in _RESULT_PARTS or str(kind).endswith("tool_result"):
        parts.results.append(_result_part(part))
    elif kind in TEXT or kind == "refusal":
        parts.texts += [words] if words else [] if kind else [json.dumps(part, ensure_ascii=False)]
    else:
        parts.texts += [f"({kind})", *([part["text"]] if isinstance(part.get("text"), str) else [])]


def _add_beside(parts: Parts, raw: dict[str, Any]) -> None:
    """Add what stands beside the content: calls, and a refusal."""
    extra = raw.get("additional_kwargs")
    beside = raw.get("tool_calls") or (extra.get("tool_calls") if isinstance(extra, dict) else None)
    for calls in (beside, raw.get("invalid_tool_calls")):
        parts.add_calls(_call_of(call) for call in as_list(calls) if isinstance(call, dict))
    if isinstance(raw.get("function_call"), dict):
        parts.add_calls([_call_of(raw["function_call"])])
    if isinstance(raw.get("refusal"), str):
        parts.texts.append(raw["refusal"])


def _has_only_reasoning(content: Any) -> bool:
    parts = as_list(content)
    return bool(parts) and all(isinstance(part, dict) and part.get("type") in _PRIVATE for part in parts)


def _call_of(raw: dict[str, Any]) -> Call:
    """Read a call in any dialect."""
    inner = next((raw[key] for key in ("function", "custom", "server_tool_call") if isinstance(raw.get(key), dict)), raw)
    names = (inner.get("name"), raw.get("name"), raw.get("function"), raw.get("toolName"))
    name = next((name for name in names if isinstance(name, str) and name), "(unnamed)")
    given = next((inner[key] for key in ("arguments", "args", "input") if inner.get(key) is not None), None)
    return Call(name, decoded(given), text_id(raw, "call_id", "id", "toolCallId", "tool_call_id"))


def decoded(given: Any) -> Any:
    """Decode arguments given as JSON text; keep the text if it is not JSON: that is the failure."""
    if not isinstance(given, str):
        return given
    if not given.strip():
        return {}
    try:
        return to_jsonable(json.loads(given))
    except (ValueError, RecursionError):
        return given


def _result_part(raw: dict[str, Any]) -> Result:
    output = next((raw[key] for key in ("content", "response", "result", "output") if raw.get(key) is not None), None)
    error = raw.get("is_error") or raw.get("isError")
    names = (raw.get("name"), raw.get("toolName"))
    name = next((name for name in names if isinstance(name, str)), None)
    return Result(marked(output_of(output), error), text_id(raw, "tool_use_id", "tool_call_id", "toolCallId", "id"), name)


def _tool_message(raw: dict[str, Any], parts: Parts) -> Result:
    """Read a message whose whole content is one result."""
    content = raw.get("content", raw.get("parts"))
    output = "\n".join(parts.texts) if isinstance(content, list) and _is_blocks(content) else content
    error = raw.get("error") or raw.get("is_error") or raw.get("status") == "error"
    name = next((raw[key] for key in ("name", "function", "tool_name") if isinstance(raw.get(key), str)), None)
    id_ = text_id(raw, "tool_call_id", "tool_use_id", "call_id", "id")
    return Result(marked(output, error), id_, name, milliseconds(raw))


def _response_item(raw: dict[str, Any], kind: str) -> Message | None:
    """Read an item of OpenAI's Responses that is no message: a call, or its output."""
    if kind in _PRIVATE:
        return None
    id_ = text_id(raw, "call_id", "id")
    if kind.endswith("_output"):
        return Message("tool", results=(Result(marked(output_of(raw.get("output")), raw.get("error")), id_),))
    given = next((raw[key] for key in ("arguments", "input", "action", "queries", "code") if raw.get(key) is not None), None)
    name = raw["name"] if isinstance(raw.get("name"), str) and raw["name"] else kind.removesuffix("_call")
    call = Call(name, decoded(given), id_)
    output = raw.get("output", raw.get("results"))
    results = () if output is None and not raw.get("error") else (Result(marked(output, raw.get("error")), id_),)
    return Message("agent", calls=(call,), results=results)


def output_of(content: Any) -> Any:
    """Return blocks of text as text, and any other value as it is."""
    return "\n".join(parts_of(content).texts) if isinstance(content, list) and _is_blocks(content) else content


def _is_blocks(content: list[Any]) -> bool:
    return bool(content) and all(isinstance(part, dict) and isinstance(part.get("type"), str) for part in content)


def marked(output: Any, error: Any) -> Any:
    """Keep that a tool reported an error: its output is then {"error": what it said}."""
    if not error or (isinstance(output, dict) and output.get("error")):
        return output
    if isinstance(error, dict):
        error = error.get("message") or error
    if error is True or not output or error == output:
        return {"error": output or error}
    return {"error": error, "output": output}


def milliseconds(raw: Mapping[str, Any]) -> float | None:
    value = next((raw[key] for key in ("latency_ms", "duration_ms") if raw.get(key) is not None), None)
    return float(value) if isinstance(value, (int, float)) and value >= 0 else None


def text_id(raw: Mapping[str, Any], *keys: str) -> str | None:
    return next((str(raw[key]) for key in keys if isinstance(raw.get(key), (str, int)) and raw[key] != ""), None)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def kind_of(value: Any) -> str:
    names = {type(None): "null", bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list"}
    return names.get(type(value), "an object" if isinstance(value, dict) else type(value).__name__)


def keys_of(raw: Mapping[str, Any]) -> str:
    """Name the keys of an object for a message: at most eight."""
    names = [str(key)[:40] for key in list(raw)[:8]]
    return (", ".join(names) or "none") + (", ..." if len(raw) > 8 else "")
