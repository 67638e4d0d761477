"""What a search for a name that `ask` chose looks for: the whole word first, and more where that is nowhere."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dspy_programs.programs.orchestrator import Chosen

_WORD = re.compile(r"(?:\(from\|import\) |class \.\*\\b|\\b)(\w+)(?:\\b|\\\()?")
_METHOD = re.compile(r"\\b(?:\w+\.)*[A-Z]\w*\.(\w+)(\\b|\\\()")


def widened(chosen: "Chosen", folder: Path) -> "Chosen":
    """Return a search that finds what is meant.

    Uses of Class.method are those of .method: an object has another name than its class. Where there are no imports, calls or
    subclasses of a name, the name is looked for, and where that is no whole word, anything with it in it.
    """
    pattern = str(chosen.arguments.get("pattern", ""))
    where = folder / str(chosen.arguments.get("path", ""))
    if chosen.tool != "grep" or chosen.missing or not where.exists():
        return chosen
    tried = [pattern]
    if method := _METHOD.fullmatch(pattern):
        tried = [rf"\.{method[1]}{method[2]}", pattern]
    elif word := _WORD.fullmatch(pattern):
        tried += [rf"\b{word[1]}\b", word[1]]
    from dspy_programs.code import grep_files

    found = next((each for each in tried if any(grep_files(each, where))), pattern) if len(tried) > 1 else pattern
    return chosen._replace(arguments={**chosen.arguments, "pattern": found})
