"""The expression that a query looks for in a text search."""

import re

from dspy_programs.programs.orchestrator import wordings as words
from dspy_programs.programs.orchestrator.asked import Asked

_MARKS = re.compile(r"\b(TODO|FIXME|XXX|HACK)s?\b", re.IGNORECASE)
OPEN_CALL = re.compile(r"(?<![\w`])([\w.]+)\((?![^\s()]*\))")


def pattern_of(asked: Asked) -> str | None:
    """Return the expression for what is looked for: a quoted text, a call, a name, a mark, the object of a verb."""
    if asked.quoted:
        name = re.fullmatch(r"([\w.]+)\(\)", asked.quoted[0])
        return f"{name[1]}\\(" if name else re.sub(r"[()\[\]*+?{}|\\^$]", r"\\\g<0>", asked.quoted[0])
    if call := OPEN_CALL.search(asked.query):
        return f"{call[1]}\\("
    if asked.names:
        name_ = asked.names[0]
        return rf"\b{name_}\(" if f"{name_}()" in asked.query else _imported(asked, name_)
    if marks := _MARKS.findall(asked.query):
        return "|".join(dict.fromkeys(mark.upper() for mark in marks))
    told = [next(filter(None, groups), "").rstrip(".") for groups in words.OBJECT.findall(asked.query)]
    word = next((word for word in told if len(word) > 2 and word.lower() not in words.VAGUE), None)
    is_text = word and re.search(r"\bgrep\b", asked.bare)
    return word if is_text else word and _imported(asked, word)


def _imported(asked: Asked, name: str) -> str:
    end = r"\b" if name[-1:].isalnum() else ""  # `total` is not `total_of`
    if re.search(r"\b(?:inherit|derive|subclass|extend)", asked.bare) and asked.place.language == "python":
        return rf"class .*\b{name}{end}"
    is_import = re.search(r"\bimport", asked.bare) and asked.place.language == "python"
    return f"(from|import) {name}{end}" if is_import else rf"\b{name}{end}"
