"""Complete records from chat logs: a list of messages, a request with its reply, the result of a run, a LangGraph state.

Guarantees a record's other fields are kept: its id, the goal, the offered tools, how it ended.
"""

from typing import Any

from dspy_programs.conversation import (
    MESSAGES,
    as_dict,
    as_list,
    error_text,
    first_text,
    held_in,
    holders_in,
    instructions,
    is_autogen,
    is_messages,
    keys_of,
    limit_in,
    messages_of,
    replies,
    state_of,
    text_id,
)
from dspy_programs.errors import UsageError
from dspy_programs.failures.formats.offer import Offer
from dspy_programs.failures.formats.turns import trace_of
from dspy_programs.types import Trace

_IDS = ("trace_id", "id", "thread_id", "conversation_id", "session_id", "run_id", "task_id", "responseId", "file")
_GOALS = ("original_goal", "goal", "question", "task", "instruction", "query")
_SUCCESSES = ("is_successful", "success", "is_correct", "resolved")
_LANGCHAIN = ("human", "ai", "AIMessageChunk", "constructor")
_TOOLS = ("tools", "functions", "toolConfig")


def is_record(raw: dict[str, Any]) -> bool:
    return state_of(raw) is not None or any(isinstance(part.get(key), list) for part in holders_in(raw) for key in MESSAGES)


def dialect_of(raw: Any) -> str:
    """Name the dialect of a record or a list of messages: langgraph, openai, anthropic, ..., or messages if it is plain."""
    if isinstance(raw, dict) and state_of(raw) is not None:
        return "autogen" if "llm_context" in raw else "langgraph"
    lists = (one.get(key) for one in holders_in(raw) for key in MESSAGES) if isinstance(raw, dict) else [raw]
    said = as_list(next((one for one in lists if is_messages(one)), raw))
    found = [item for item in said if isinstance(item, dict)]
    if any(is_autogen(item) for item in found):
        return "autogen"
    kinds = {str(item.get("type")) for item in found if "role" not in item}
    if kinds & set(_LANGCHAIN):
        return "langgraph"
    if any(isinstance(part, dict) and "type" not in part for item in found for part in as_list(item.get("parts"))):
        return "gemini"
    blocks = [part.get("type") for item in found for part in as_list(item.get("content")) if isinstance(part, dict)]
    if any(kind in ("tool_use", "tool_result", "thinking") for kind in blocks) or (isinstance(raw, dict) and "system" in raw):
        return "anthropic"
    has_calls = any({"tool_calls", "function_call", "tool_call_id", "raw_item"} & item.keys() for item in found)
    is_api = isinstance(raw, dict) and bool({"choices", "request", "input"} & raw.keys())
    return "openai" if has_calls or is_api or any(kind.startswith("function_call") for kind in kinds) else "messages"


def read_messages(raw: list[Any]) -> Trace:
    return trace_of(messages_of(raw), offer=Offer(*_listed_tools(raw)))


def read_record(raw: dict[str, Any]) -> Trace:
    """Read an object that contains messages. Raises UsageError if there are none."""
    state, found = state_of(raw), held_in(raw)
    if found is None:
        raise UsageError(f"no list of messages; the object has the keys {keys_of(raw)}")
    holder, key = found
    goal = first_text(raw, *_GOALS) or first_text(state, *_GOALS)
    said = _as_agents(holder[key]) if goal and _is_talk_of_agents(holder[key]) else holder[key]
    asked = (
        [{"role": "user", "content": holder["input"]}] if key == "new_items" and isinstance(holder.get("input"), str) else []
    )
    more = as_list(holder.get("new_items")) if key == "input" else []
    messages = [*instructions(holder), *messages_of([*asked, *said, *more], key), *replies(raw)]
    if not messages:
        raise UsageError(f"{key}: empty; there is no run to read")
    failed, is_successful = error_of(raw), outcome_of(raw)
    return trace_of(
        messages,
        trace_id=text_id(raw, *_IDS) or _thread_of(raw),
        goal=goal,
        final=first_text(raw, "final_result", "final_answer", "final_output"),
        is_successful=False if failed and is_successful is None else is_successful,
        error=failed or _limit_of(raw),
        offer=Offer(*(part.get(name) for part in (holder, raw) for name in _TOOLS), *_listed_tools([*said, *more])),
    )


def _is_talk_of_agents(said: list[Any]) -> bool:
    """Return whether several agents talk to each other: all have names, and none makes calls."""
    plain = all(isinstance(item, dict) and isinstance(item.get("name"), str) and "tool_calls" not in item for item in said)
    return plain and len({item["name"] for item in said if item.get("role") != "tool"}) > 1


def _as_agents(said: list[Any]) -> list[dict[str, Any]]:
    """Use each agent's name as its role, whatever its role towards the others; a terminal is a tool (AutoGen)."""
    is_tool = [item.get("role") in ("tool", "function") or item["name"].lower().endswith("terminal") for item in said]
    return [{**item, "role": "tool" if tool else item["name"]} for item, tool in zip(said, is_tool, strict=True)]


def _listed_tools(said: list[Any]) -> list[Any]:
    """Return the tools that an MCP server listed, as OpenAI's Responses log them among the messages."""
    return [item.get("tools") for item in said if isinstance(item, dict) and item.get("type") == "mcp_list_tools"]


def _thread_of(raw: dict[str, Any]) -> str:
    """Return the thread's id from LangGraph's snapshot config."""
    return text_id(as_dict(as_dict(raw.get("config")).get("configurable")), "thread_id") or ""


def error_of(raw: dict[str, Any]) -> str | None:
    """Return the error that ended the run, if the record says so."""
    error = error_text(raw.get("error") or as_dict(raw.get("response")).get("error"))
    return error or (str(raw["status"]) if raw.get("status") in ("error", "failed") else None)


def _limit_of(raw: dict[str, Any]) -> str | None:
    """Return the limit at which the run was stopped, which need not be a failure."""
    reason = first_text(raw.get("incomplete_details") or as_dict(raw.get("response")).get("incomplete_details"), "reason")
    return f"incomplete: {reason}" if reason else limit_in(raw.get("stop_reason"))


def outcome_of(raw: dict[str, Any]) -> bool | None:
    """Return how the run ended, if the record says so."""
    value = next((raw[key] for key in _SUCCESSES if raw.get(key) is not None), None)
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return bool(value) if isinstance(value, (bool, int, float)) and value in (0, 1) else None
