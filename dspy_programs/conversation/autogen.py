"""AutoGen's messages and events (0.4) as chat messages.

Who speaks stands in `source`: a user, or an agent, whose name is kept in front of the text where there are several. A thought
is the text beside a call, or else private reasoning; chunks of a stream, and events that only say who speaks next, repeat
what messages say.

Source     microsoft.github.io/autogen: autogen_agentchat.messages, autogen_core.models, TaskResult.
"""

from collections.abc import Sequence
from typing import Any

from dspy_programs.conversation.values import as_dict, as_list

_AGENTS = ("TextMessage", "AssistantMessage", "ToolCallRequestEvent", "ToolCallSummaryMessage", "HandoffMessage", "StopMessage",
           "MultiModalMessage", "StructuredMessage", "CodeGenerationEvent")  # fmt: skip
_RESULTS = ("ToolCallExecutionEvent", "FunctionExecutionResultMessage", "CodeExecutionEvent")
_OTHERS = {"UserMessage": "user", "SystemMessage": "system", "MemoryQueryEvent": "system"}
_SILENT = ("ThoughtEvent", "ModelClientStreamingChunkEvent", "UserInputRequestedEvent", "SelectorEvent", "SelectSpeakerEvent")
_TYPES = {*_AGENTS, *_RESULTS, *_OTHERS, *_SILENT}
_USERS = ("user", "user_proxy", "userproxy", "human")
_LIMITS = ("maximum number", "token usage limit", "timeout", "timed out", "max")


def is_autogen(raw: Any) -> bool:
    """Return whether this is a message of AutoGen: its types are LangChain's too where no source is given."""
    return _has_type(raw) and ("source" in raw or raw["type"] in _RESULTS)


def _has_type(raw: Any) -> bool:
    return isinstance(raw, dict) and isinstance(raw.get("type"), str) and raw["type"] in _TYPES


def as_chat(raw: Sequence[Any]) -> list[tuple[tuple[int, ...], Any]]:
    """Rewrite messages as a chat's, with the place of each; other messages stay as they are."""
    agents = {str(item.get("source")) for item in raw if is_autogen(item) and item["type"] in _AGENTS and not _is_user(item)}
    is_team = len(agents) > 1
    told: list[tuple[tuple[int, ...], Any]] = []
    thought = None
    for place, item in enumerate(raw):
        if not _has_type(item):
            told.append(((place,), item))
        elif item["type"] == "ThoughtEvent":
            thought = item.get("content")
            continue
        elif (message := _message(item, is_team, thought)) is not None:
            told.append(((place,), message))
        thought = None
    return told


def _is_user(raw: dict[str, Any]) -> bool:
    return str(raw.get("source")).lower() in _USERS


def _message(raw: dict[str, Any], is_team: bool, thought: Any) -> dict[str, Any] | None:
    kind, content = raw["type"], raw.get("content")
    if kind in _SILENT:
        return None
    if kind == "CodeExecutionEvent":
        ran = as_dict(raw.get("result"))
        failed = ran.get("exit_code") not in (0, None)
        return {"role": "tool", "name": "code", "content": ran.get("output"), "is_error": failed}
    if kind in _RESULTS:
        results = [{"type": "tool_result", **one} if isinstance(one, dict) else one for one in as_list(content) or [content]]
        return {"role": "tool", "content": results}
    if kind in _OTHERS:
        return {"role": _OTHERS[kind], "content": content, "name": None if _is_user(raw) else raw.get("source")}
    if kind == "StructuredMessage" and isinstance(content, dict):
        content = [content]
    name = str(raw.get("source") or "agent")
    calls = [call for call in as_list(content) if isinstance(call, dict) and "arguments" in call]
    if calls and isinstance(text := thought or raw.get("thought"), str):
        content = [text, *as_list(content)]
    role = "user" if _is_user(raw) else name if is_team and not calls else "assistant"
    return {"role": role, "content": content}


def is_code_report(text: str) -> bool:
    """Return whether a user's message is what AutoGen 0.2 says when it ran an agent's code."""
    return text.startswith("exitcode: ") and "\nCode output:" in text[:100]


def limit_in(stop_reason: Any) -> str | None:
    """Return why a team stopped before its answer: at a limit; None where a condition was met."""
    is_limit = isinstance(stop_reason, str) and stop_reason.lower().startswith(_LIMITS)
    return stop_reason if is_limit else None
