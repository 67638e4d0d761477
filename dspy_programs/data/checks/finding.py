"""What a check finds in one row, and what is checked there."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from dspy_programs.data.checks.options import Severity
from dspy_programs.data.pair import DataPair


class Finding(NamedTuple):
    """One thing that is wrong with a row. spans: where in the field, in characters, if the check knows."""

    check: str
    severity: Severity
    message: str
    field: str = ""
    spans: list[dict[str, Any]] | None = None

    def as_issue(self, pair_id: str) -> dict[str, Any]:
        """Return it as a report shows it."""
        issue: dict[str, Any] = {"pair_id": pair_id, **self._asdict()}
        if self.spans is None:
            del issue["spans"]
        return issue


def texts_of(pair: DataPair) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each field that is trained on; of a conversation each turn ("messages.3")."""
    if pair.messages is None:
        yield "instruction", pair.instruction
        yield "output", pair.output
    else:
        for number, turn in enumerate(pair.messages):
            for text in contents_of(turn):
                yield f"messages.{number}", text
    if pair.input:
        yield "input", pair.input
    if pair.context:
        yield "context", pair.context
    if pair.rejected:
        yield "rejected", pair.rejected


def contents_of(turn: dict[str, Any]) -> Iterator[str]:
    """Yield the texts of a turn: its content, the texts among the parts of it, and the arguments of its tool calls."""
    content = turn.get("content")
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        yield from (part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    calls = turn.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict) and isinstance(function.get("arguments"), str):
            yield function["arguments"]
