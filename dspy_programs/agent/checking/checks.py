"""What code alone can check of an end state: files, their text, JSON values, the exit code of a command.

Input      a Check; the place it looks at; for `unchanged` and `file_written` the files as they were
           before, by path.
Output     "" if the check is met, else the reason with what was found instead, in one line.
Guarantees a number in a text is never part of a longer one (60.00 is 60); a file equals a text whatever the blanks at line
           ends and the last line break; in JSON, true is not 1. A file that cannot be read as text or JSON is a reason,
           never an exception.
"""

import json
import re
from collections.abc import Mapping
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, JsonValue, model_validator

from dspy_programs.text import shortened

_SHOWN = 120  # characters of what was found
_SHORT = 300  # characters of an answer
_WHOLE = re.compile(r"\d+(?:,\d{3})*")
_ERROR = re.compile(r"(?:E\s+)?(?:\w+\.)*\w*(?:Error|Exception)\b")

Kind = Literal[
    "file_exists",
    "file_missing",
    "file_written",
    "file_short",
    "file_contains",
    "file_lacks",
    "file_equals",
    "json_has",
    "command_exits_0",
    "unchanged",
]


class Place(Protocol):
    """Where an end state is looked at."""

    def read(self, path: str) -> str | None:
        """Return the text of a file, None if there is no such file."""

    def run(self, command: str) -> tuple[int, str]:
        """Run a command line; return its exit code and the end of what it printed."""


class Check(BaseModel):
    """One thing that must be true in the end.

    text     what the file has, lacks or equals; of several texts one must be there, and none where the file lacks them
             (file_written: it is there, not blank, and other than before; file_short: an answer, not a whole text)
    key      a place in JSON, "server.ports.0"; "" is the whole. Without `value`, it must be there
             (file_contains: a word; where lines have it, one of them must have the text)
    """

    model_config = ConfigDict(extra="forbid")

    check: Kind
    path: str = ""
    text: str | list[str] = ""
    key: str = ""
    value: JsonValue = None
    command: str = ""

    @model_validator(mode="after")
    def is_complete(self) -> "Check":
        if self.check == "command_exits_0":
            missing = "" if self.command else "command"
        else:
            missing = "" if self.path else "path"
        if self.check in ("file_contains", "file_lacks") and not self.texts:
            missing = "text"
        if missing:
            raise ValueError(f"{self.check} needs {missing}")
        return self

    @property
    def texts(self) -> list[str]:
        return [text for text in ([self.text] if isinstance(self.text, str) else self.text) if text]

    def __str__(self) -> str:
        return " ".join(
            [self.check, *(str(value) for name, value in self.model_dump(exclude_unset=True).items() if name != "check")]
        )


def unmet(check: Check, place: Place, before: Mapping[str, str] | None = None) -> str:
    """Return why a check is not met, "" if it is."""
    if check.check == "command_exits_0":
        code, output = place.run(check.command)
        return "" if code == 0 else f"`{check.command}` exits {code}: {end_of(output)}"
    try:
        content = place.read(check.path)
    except (OSError, UnicodeDecodeError) as error:
        return f"{check.path} cannot be read: {error}"
    if check.check == "unchanged":
        return "" if content == (before or {}).get(check.path) else f"{check.path} is not as it was before"
    if check.check == "file_missing":
        return "" if content is None else f"{check.path} is there"
    if content is None:
        return f"{check.path} is not there"
    if check.check == "file_written":
        return (
            ""
            if content.strip() and content != (before or {}).get(check.path)
            else f"{check.path} is blank or as it was before"
        )
    return _unmet_by(check, content)


def _unmet_by(check: Check, content: str) -> str:
    match check.check:
        case "file_short" if len(content.strip()) > _SHORT:
            return f"{check.path} has {len(content.strip()):,} characters, and only the answer is wanted"
        case "file_contains" if not any(_is_in(text, _lines_with(check.key, content)) for text in check.texts):
            return f"{check.path} does not contain {check.texts[0]!r}: {_start(content)!r}"
        case "file_lacks" if found := [text for text in check.texts if _is_in(text, content)]:
            return f"{check.path} contains {found[0]!r}"
        case "file_equals" if _lines(content) not in [_lines(text) for text in check.texts or [""]]:
            return f"{check.path} has other content: {_start(content)!r}"
        case "json_has":
            return _json_lacks(check, content)
    return ""


def _lines_with(word: str, content: str) -> str:
    """Return the lines that have a word, the whole content if none has it."""
    pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)
    return "\n".join(line for line in content.splitlines() if word and pattern.search(line)) or content


def _is_in(text: str, content: str) -> bool:
    left = r"(?<!\d)(?<!\d[.,])" if text[0].isdigit() else ""
    right = r"(?!\d)(?![.,]\d)" if text[-1].isdigit() else ""
    if _WHOLE.fullmatch(text):
        right = r"(?:[.,]00?)?" + right  # 60.00 is 60, and 60.000 may be sixty thousand
    return re.search(left + re.escape(text) + right, content) is not None


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]


def _json_lacks(check: Check, content: str) -> str:
    try:
        found = json.loads(content)
    except ValueError as error:
        return f"{check.path} is not JSON: {error}"
    for part in check.key.split(".") if check.key else []:
        if isinstance(found, dict) and part in found:
            found = found[part]
        elif isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            return f"{check.path} has no {check.key}"
    if "value" not in check.model_fields_set or _same(found, check.value):
        return ""
    return f"{check.path} has {check.key} = {_start(json.dumps(found, ensure_ascii=False))}, not {json.dumps(check.value)}"


def _same(one: JsonValue, other: JsonValue) -> bool:
    """Compare as JSON does: 1 is 1.0, and true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _start(text: str) -> str:
    return shortened(text, _SHOWN)


def end_of(text: str) -> str:
    """Return what an output ends with: the last error that it names, and its code if it says no more; else its words."""
    lines = [line for line in text.splitlines() if line.strip(" ^~")]
    last = max((number for number, line in enumerate(lines) if _ERROR.match(line)), default=None)
    if last is None:
        return " ".join(text.split())[-_SHOWN:]
    said = lines[last].removeprefix("E").strip()
    return _start(said if ":" in said or not last else f"{lines[last - 1].strip()}: {said}")
