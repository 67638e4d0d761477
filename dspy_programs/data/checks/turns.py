"""Are the turns of a conversation in an order that a chat template takes?"""

from collections.abc import Iterable
from typing import Any

from dspy_programs.data.checks.finding import Finding, contents_of
from dspy_programs.data.pair import DataPair

_ROLES = frozenset(("system", "developer", "user", "assistant", "tool", "function"))
_RESULTS = frozenset(("tool", "function"))


def turns_findings(pair: DataPair) -> Iterable[Finding]:
    """Find the first turn that is out of order. Every finding is an error: training on it would fail or teach nothing."""
    if not pair.messages or not (fault := _first_fault(pair.messages)):
        return ()
    number, message = fault
    return (Finding("turns", "error", message, f"messages.{number}"),)


def _first_fault(turns: list[dict[str, Any]]) -> tuple[int, str] | None:
    before = "start"
    waiting: set[str] = set()  # ids of calls that have no result yet
    for number, turn in enumerate(turns):
        role = turn.get("role")
        if role not in _ROLES:
            return number, f"no role {role!r}: use system, user, assistant or tool"
        if fault := _misplaced(str(role), before, turn, waiting):
            return number, fault
        if role == "assistant":
            waiting = _calls(turn)
        elif role in _RESULTS:
            waiting.discard(str(turn.get("tool_call_id", "")))
        before = "calling" if role == "assistant" and _is_calling(turn) else str(role)
    if before not in ("assistant", "calling"):
        return len(turns) - 1, f"the last turn is the {before}'s, not the assistant's"
    return None


def _misplaced(role: str, before: str, turn: dict[str, Any], waiting: set[str]) -> str | None:
    """Say what is wrong with a turn at its place."""
    if role in ("system", "developer"):
        return None if before in ("start", "system", "developer") else f"a {role} turn after the beginning"
    if role in _RESULTS:
        if before not in ("calling", *_RESULTS):
            return "a tool's result with no call before it"
        answered = turn.get("tool_call_id")
        return f"a result of the call {answered!r}, which nobody made" if answered and answered not in waiting else None
    if waiting and role in ("user", "assistant"):
        return f"{len(waiting)} tool call(s) without a result before this turn"
    if role == "user":
        return "two user turns in a row" if before == "user" else None
    if before in ("start", "system", "developer"):
        return "an assistant turn before any of the user"
    if before == "assistant":
        return "two assistant turns in a row"
    return None if _is_calling(turn) or any(text.strip() for text in contents_of(turn)) else "an empty assistant turn"


def _is_calling(turn: dict[str, Any]) -> bool:
    return bool(turn.get("tool_calls") or turn.get("function_call"))


def _calls(turn: dict[str, Any]) -> set[str]:
    calls = turn.get("tool_calls")
    return (
        {str(call["id"]) for call in calls if isinstance(call, dict) and call.get("id")} if isinstance(calls, list) else set()
    )
