"""A trace without personal data and secrets: every text in it, also inside of calls and results.

Guarantees the same value gets the same tag everywhere in a trace ("[EMAIL_1]"), so an argument can still be found in the
           request; what is left has nothing that the project's own checks find.
Limits     no names of people and no postal addresses: those need a model (data/checks/pii).
"""

import re
from typing import Any

from dspy_programs.data.checks import secrets_in
from dspy_programs.data.checks.pii import pii_in
from dspy_programs.types import Trace

TAG = re.compile(r"\[[A-Z_]+_\d+\]")
LONGEST = 4000  # characters of one text that are kept: a row shows a model far less
_SHORTEST = 6  # characters of anything that is found
_FEWEST_DIGITS = 9  # of a number that may be a phone, a card or an account


class Redactor:
    """Redacts the texts of one trace."""

    def __init__(self) -> None:
        self._tags: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    @property
    def count(self) -> int:
        """How many different values were taken out."""
        return len(self._tags)

    def text(self, text: str) -> str:
        """Return a text, cut to LONGEST characters, with a tag for each thing found."""
        if len(text) < _SHORTEST or text.isidentifier():
            return text
        text = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
        for _ in range(2):  # what stood beside a secret may only now be found
            spans = [("SECRET", each.start, each.end) for each in secrets_in(text)]
            spans += [
                (each.kind.upper(), each.start, each.end)
                for each in pii_in(text)
                if all(each.end <= start or each.start >= end for _, start, end in spans)
            ]
            spans.sort(key=lambda span: span[1])
            for start, end, tag in reversed([(start, end, self._tag(kind, text[start:end])) for kind, start, end in spans]):
                text = f"{text[:start]}{tag}{text[end:]}"
            if not spans:
                break
        return text

    def value(self, value: Any) -> Any:
        """Return a JSON value with every text in it redacted, names of fields too; a number that is a card or phone is one."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(each) for each in value]
        if isinstance(value, dict):
            return {self.text(name): self.value(each) for name, each in value.items()}
        if isinstance(value, int) and len(str(value)) >= _FEWEST_DIGITS and pii_in(str(value)):
            return self.text(str(value))
        return value

    def _tag(self, kind: str, found: str) -> str:
        key = f"{kind} {found.lower()}"
        if key not in self._tags:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._tags[key] = f"[{kind}_{self._counts[kind]}]"
        return self._tags[key]


def redacted(trace: Trace) -> tuple[Trace, int]:
    """Return the trace without what identifies a person or opens a door, and how many different values that were."""
    redactor = Redactor()
    turns = [
        turn.model_copy(
            update={
                "content": redactor.text(turn.content),
                "tool_input": redactor.value(turn.tool_input),
                "tool_output": redactor.value(turn.tool_output),
            }
        )
        for turn in trace.turns
    ]
    fields = {name: getattr(trace, name) for name in ("final_result", "error")}
    cleaned = {name: None if text is None else redactor.text(text) for name, text in fields.items()}
    update = {**cleaned, "turns": turns, "original_goal": redactor.text(trace.original_goal)}
    return trace.model_copy(update=update), redactor.count
