"""How editors are told to open a file at a line."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

from dspy_programs.errors import UsageError

_PLACE = re.compile(r"(.+?):(\d{1,9})(?::(\d{1,9}))?")
_GOTO = frozenset("code code-insiders codium vscodium cursor windsurf".split())
_COLONS = frozenset("subl sublime_text zed hx helix micro mate".split())
_LINE_OPTION = frozenset("idea pycharm goland webstorm clion rider rubymine phpstorm studio".split())
_PLUS = {
    **dict.fromkeys("vi vim nvim gvim mvim view kak ne joe jed".split(), "+{line}"),
    **dict.fromkeys("emacs emacsclient".split(), "+{line}:{column}"),
    "nano": "+{line},{column}",
}


class Place(NamedTuple):
    """line, column: from 1; None where none is named."""

    path: Path
    line: int | None = None
    column: int | None = None


def place_named(text: str) -> Place:
    """Return the file, line and column that FILE, FILE:LINE or FILE:LINE:COLUMN names. Raises UsageError if it is not there."""
    found = None if Path(text).exists() else _PLACE.fullmatch(text.removesuffix(":"))
    place = Place(Path(found[1]), int(found[2]), int(found[3]) if found[3] else None) if found else Place(Path(text))
    if not place.path.exists():
        raise UsageError(f"{place.path}: not there; name a file, as FILE or FILE:LINE")
    return place


def editor_words(editor: str, place: Place) -> list[str]:
    """Return the command that opens a place. editor: as in $EDITOR, options included. Raises UsageError for an open quote."""
    try:
        words = shlex.split(editor)
    except ValueError as error:
        raise UsageError(f"the name of the editor cannot be read: {error}; mend VISUAL or EDITOR") from error
    path, line, column = str(place.path.absolute()), place.line, place.column or 1  # absolute: no name begins with a dash
    name = Path(words[0]).stem
    if line is None:
        return [*words, path]
    if name in _GOTO:
        return [*words, "--goto", f"{path}:{line}:{column}"]
    if name in _COLONS:
        return [*words, f"{path}:{line}:{column}"]
    if name in _LINE_OPTION:
        return [*words, "--line", str(line), path]
    return [*words, *([_PLUS[name].format(line=line, column=column)] if name in _PLUS else []), path]
