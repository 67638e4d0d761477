"""What can be mended in a row without changing what it means. Every change is told, with its reason.

Mended     marks of byte order, control characters and CRLF in any text; blanks around a request and its answer; a fence around
           a whole answer that is text, Markdown or JSON; null where an optional text is empty; a number where a text belongs.
Dropped    a row that cannot be read, says nothing, has no request or no answer, or is the same as an earlier one.
Left       the blanks of prompt-completion rows, which begin and end where a tokenizer cuts, and of other columns, which may
           be code; rows that differ in case or by a word; placeholders, refusals, what is too long: a person decides.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from dspy_programs.data.checks.fences import unwrapped
from dspy_programs.data.scorer.view import ANSWERED, ASKED, CHATS, GIVEN, REST, format_of, is_about, view_of
from dspy_programs.tables import Fault, Found, Row

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_ASKS_FOR_FENCE = re.compile(r"```|code ?block|fence|markdown", re.IGNORECASE)
_INDENTED = re.compile(r"\n[ \t]+\S")
_BLANK_LINES = re.compile(r"\A(?:[ \t]*\n)+")
_OPTIONAL = frozenset((*GIVEN, "system"))


class Change(NamedTuple):
    """field: "" for a row that is dropped. before, after: the value, None of a row."""

    where: str
    field: str
    reason: str
    before: Any = None
    after: Any = None

    def as_dict(self) -> dict[str, Any]:
        dropped = {"where": self.where, "dropped": self.reason}
        return self._asdict() if self.field else {**dropped, "row": self.before}


class Mended(NamedTuple):
    """fields: None for a row that is dropped."""

    fields: dict[str, Any] | None
    changes: list[Change]


class Mender:
    """Mends one row after another; it remembers 16 bytes of each."""

    def __init__(self) -> None:
        self._seen: dict[bytes, str] = {}

    def mend(self, found: Found) -> Mended:
        """Return a row as it should be, and what was changed."""
        if isinstance(found, Fault):
            return Mended(None, [Change(found.where, "", f"unreadable: {found.reason}", found.text)])
        changes: list[Change] = []
        fields = dict(found.fields)
        kind = format_of({name.lower(): name for name in fields})
        asked = view_of(fields).asked
        for name in fields:
            for reason, value in self._steps(name, fields, kind, asked):
                changes.append(Change(found.where, name, reason, fields[name], value))
                fields[name] = value
        if reason := self._why_dropped(fields, kind, found):
            return Mended(None, [*changes, Change(found.where, "", reason, found.fields)])
        return Mended(fields, changes)

    def _steps(self, name: str, fields: Mapping[str, Any], kind: str, asked: str) -> Iterator[tuple[str, Any]]:
        """Yield each reason to change a field, with the value then; the caller stores it before it asks for the next."""
        role = name.lower()
        if fields[name] is None and role in _OPTIONAL and kind == "alpaca":
            yield "null written as empty text", ""
        if isinstance(fields[name], (int, float)) and (role in ASKED or role in ANSWERED) and kind != "generic":
            yield "written as text", json.dumps(fields[name])
        if isinstance(fields[name], str):
            is_spoken = kind == "alpaca" and role in (*ASKED, *GIVEN, *ANSWERED, *REST)
            yield from _text_steps(fields[name], is_spoken, role in ANSWERED and kind == "alpaca", asked)
        elif role in CHATS and isinstance(fields[name], list):
            yield from _turn_steps(fields[name], asked)

    def _why_dropped(self, fields: Mapping[str, Any], kind: str, row: Row) -> str:
        view = view_of(fields)
        if not view.whole().strip():
            return "says nothing"
        calls = bool(view.turns and (view.turns[-1].get("tool_calls") or view.turns[-1].get("function_call")))
        if kind != "generic" and not view.answered.strip() and not calls:
            return "no answer"
        if kind != "generic" and not view.asked.strip() and not view.given.strip():
            return "no request"
        content = {name: value for name, value in fields.items() if not is_about(name.lower())}
        key = hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).digest()
        first = self._seen.setdefault(key, row.where)
        return f"the same as {first}" if first != row.where else ""


def _text_steps(text: str, is_spoken: bool, is_answer: bool, asked: str) -> Iterator[tuple[str, str]]:
    """Yield each reason to change a text, with the text then. is_spoken: blanks around it mean nothing."""
    if "\ufeff" in text:
        text = text.replace("\ufeff", "")
        yield "byte order mark removed", text
    if _CONTROL.search(text):
        text = _CONTROL.sub("", text)
        yield "control characters removed", text
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        yield "line breaks written as LF", text
    if is_spoken and (plain := _without_blanks(text)) != text:
        text = plain
        yield "blanks around it removed", text
    if is_answer and not _ASKS_FOR_FENCE.search(asked) and (inner := unwrapped(text)) is not None:
        yield "the fence around it removed", inner.strip()


def _without_blanks(text: str) -> str:
    """Return a text without blanks around it; the first line keeps its indent if others have one, as code does."""
    plain = _BLANK_LINES.sub("", text.rstrip())
    return plain if _INDENTED.search(plain) else plain.lstrip()


def _turn_steps(turns: list[Any], asked: str) -> Iterator[tuple[str, list[Any]]]:
    for number, turn in enumerate(turns):
        if not isinstance(turn, dict):
            continue
        name = "content" if "content" in turn else "value"
        role = turn.get("role", turn.get("from"))
        if isinstance(turn.get(name), str):
            for reason, text in _text_steps(turn[name], role not in ("tool", "function"), role in ("assistant", "gpt"), asked):
                turns = [*turns[:number], {**turn, name: text}, *turns[number + 1 :]]
                yield f"turn {number}: {reason}", turns
