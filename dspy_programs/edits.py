"""Edits of files as exact replacements: apply them all or not at all, fit nearly exact ones, and find those between two texts.

Input      files as texts by path, and edits: in the file `path`, `old` becomes `new`. `old` stands in it once, and is empty for
           a new file. Each edit sees what those before it left.
Guarantees nothing is read, written or run. A Python file that could be parsed still can.
Source     exact replacement: the search/replace blocks of aider (https://aider.chat/docs/more/edit-formats.html).
"""

import difflib
import io
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

_LONGEST_COMPARED = 20_000  # lines of a file in which a nearest line is looked for
PYTHON = (".py", ".pyi")
_LIKE = 0.6  # of difflib's ratio, from which a line is named as the nearest


class Edit(BaseModel):
    """In the file `path`, `old` becomes `new`; `old` is empty for a new file."""

    model_config = ConfigDict(extra="forbid")

    path: str
    old: str
    new: str


class Edited(NamedTuple):
    """All files after the edits, and why there are none: "" if they fit."""

    code: dict[str, str]
    fault: str = ""


def apply_edits(code: Mapping[str, str], edits: Sequence[Edit]) -> Edited:
    """Apply every edit, or none.

    Returns:
        All the files as they become; as they were, with a `fault` in a few words, if an edit does not fit, if nothing changes,
        or if a Python file could be parsed and no longer can.
    """
    was, now = dict(code), dict(code)
    for edit in edits:
        if fault := _misfit(now, edit):
            return Edited(was, fault)
        now[edit.path] = now.get(edit.path, "").replace(edit.old, edit.new, 1) if edit.old else edit.new
    if now == was:
        return Edited(was, "the edits change nothing")
    for path in (path for path, text in now.items() if text != was.get(path) and path.endswith(PYTHON)):
        if (fault := syntax_fault(now[path])) and not syntax_fault(was.get(path, "")):
            return Edited(was, f"{path} is no longer Python: {fault}")
    return Edited(now)


def _misfit(code: Mapping[str, str], edit: Edit) -> str:
    """Say why an edit does not fit; "" if it does."""
    text = code.get(edit.path)
    if not edit.old:
        if text:
            return f"{edit.path} has text, so old must be copied from it"
        return "" if text is not None or _is_inside(edit.path) else f"{edit.path!r} is not a path inside the folder"
    if text is None:
        return f"there is no file {edit.path!r}; there is {', '.join(sorted(code)) or 'none'}"
    if (count := text.count(edit.old)) > 1:
        where = lines_with(text, edit.old, most=5)
        return f"old is in {edit.path} {count} times, in lines {where}: copy more of the lines around one"
    return "" if count else f"old is not in {edit.path}{_nearest(text, edit.old)}"


def lines_of(text: str) -> list[str]:
    """Split a text into lines as Python's own parser does, with their ends: a form feed ends none."""
    return list(io.StringIO(text, newline=""))


def lines_with(text: str, part: str, most: int) -> str:
    """Say in which lines a part of a text begins, counted from 1: "3, 17"."""
    starts = [match.start() for match in re.finditer(re.escape(part), text)][:most]
    return ", ".join(str(text.count("\n", 0, start) + 1) for start in starts)


def _is_inside(path: str) -> bool:
    """Return whether a path is a plain relative one: no root, no step up, no Windows path, nothing unprintable."""
    is_plain = path == str(PurePosixPath(path)) and path.isprintable() and not re.search(r"[\\:]", path)
    return is_plain and path != "." and not path.startswith("/") and ".." not in PurePosixPath(path).parts


def _nearest(text: str, old: str) -> str:
    """Quote the line most like the first line of `old` that is not in the text."""
    lines = text.splitlines()[:_LONGEST_COMPARED]
    stripped = {line.strip() for line in lines}
    wanted = next((line.strip() for line in old.splitlines() if line.strip() and line.strip() not in stripped), "")
    if not wanted:
        return ": its lines are, but not one after the other"
    found = difflib.get_close_matches(wanted[:200], [line.strip()[:200] for line in lines], 1, _LIKE)
    return f", which has {found[0]!r} and not {wanted[:200]!r}" if found else f": nothing in it is like {wanted[:80]!r}"


def syntax_fault(text: str) -> str:
    """Say why a text is not Python; "" if it is."""
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(text, "<edited>", "exec", dont_inherit=True)  # unlike a parser it minds a return outside a function
    except SyntaxError as error:
        return f"line {error.lineno}, {error.msg}" if error.lineno else str(error.msg)
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error) or type(error).__name__
    return ""


def fitted(code: Mapping[str, str], edits: Sequence[Edit]) -> list[Edit]:
    """Make edits exact that are nearly so, and leave out those that change nothing.

    An `old` of whole lines that is in its file once but for their indent or the blanks at line ends becomes what stands there,
    and `new` gets the same indent. A path that is not there, and of which one file has the last part, is that file.
    """
    exact, now = list[Edit](), dict(code)
    for edit in edits:
        edit = edit.model_copy(update={"path": _meant(edit, now)})
        text = now.get(edit.path, "")
        if edit.old and text and edit.old not in text:
            edit = _reindented(text, edit)
        edit = _indented(now, edit)
        if edit.old != edit.new:
            exact.append(edit)
            now[edit.path] = text.replace(edit.old, edit.new, 1) if edit.old else edit.new
    return exact


def _indented(code: Mapping[str, str], edit: Edit) -> Edit:
    """Return the edit with the indent of what it replaces, if it says that indent twice, or if the file is Python only then."""
    text = code.get(edit.path, "")
    if not edit.old or text.count(edit.old) != 1 or not edit.path.endswith(PYTHON):
        return edit
    at = text.index(edit.old)
    start = text.rfind("\n", 0, at) + 1
    before, line = text[start:at], text[start:].split("\n")[0]
    if before.strip():
        return edit
    if before and not edit.old[0].isspace() and edit.new.startswith(before):
        edit = edit.model_copy(update={"new": edit.new.removeprefix(before)})
    if "no longer Python" not in apply_edits(code, [edit]).fault:
        return edit
    first, *rest = edit.new.split("\n")
    shift = _indent(line) - _indent(first)
    for others in (rest, [_shifted(each, shift) for each in rest]):
        other = edit.model_copy(update={"new": "\n".join([_shifted(first, shift - len(before)), *others])})
        if not apply_edits(code, [other]).fault:
            return other
    return edit


def _meant(edit: Edit, code: Mapping[str, str]) -> str:
    """Return the path of the file that an edit is about, as it is called here."""
    path = str(PurePosixPath(edit.path))
    if not edit.path or path in code or not edit.old:
        return path if edit.path else ""
    named = [each for each in code if each.rpartition("/")[2] == path.rpartition("/")[2]]
    return named[0] if len(named) == 1 else edit.path


def _reindented(text: str, edit: Edit) -> Edit:
    """Return the edit of the one place whose lines are those of `old` but for one indent; as it is if there is none."""
    lines, wanted = text.splitlines(keepends=True), edit.old.strip("\n").splitlines()
    bare = [line.strip() for line in wanted]
    places = [at for at in range(len(lines) - len(bare) + 1) if [line.strip() for line in lines[at : at + len(bare)]] == bare]
    if len(places) != 1 or not any(bare):
        return edit
    there = lines[places[0] : places[0] + len(bare)]
    end = "\r\n" if there[0].endswith("\r\n") else "\n"
    shifts = {_indent(is_) - _indent(said) for is_, said in zip(there, wanted, strict=True) if said.strip()}
    if len(shifts) > 1 and not _only_first_differs(there, wanted):
        return edit
    shift = max(shifts, key=abs) if len(shifts) == 1 else 0
    new = [_shifted(line, shift) for line in edit.new.strip("\n").splitlines()]
    if len(shifts) > 1 and new:  # the indent of the first line alone was left out
        new[0] = _shifted(new[0], _indent(there[0]) - _indent(wanted[0]))
    ends = end if there[-1].endswith("\n") else ""
    changed = "".join(f"{line}{end}" for line in new)
    return edit.model_copy(update={"old": "".join(there), "new": changed if ends else changed.removesuffix(end)})


def _only_first_differs(there: Sequence[str], wanted: Sequence[str]) -> bool:
    return all(_indent(is_) == _indent(said) for is_, said in zip(there[1:], wanted[1:], strict=True) if said.strip())


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _shifted(line: str, by: int) -> str:
    if not line.strip():
        return ""
    return " " * by + line if by >= 0 else line[min(-by, _indent(line)) :]


def edits_between(path: str, was: str, now: str) -> list[Edit]:
    """Return edits that make one text of a file the other: whole lines, as few as stand in it only once."""
    if not was:
        return [Edit(path=path, old="", new=now)] if now else []
    before, after = lines_of(was), lines_of(now)
    blocks = [block for block in difflib.SequenceMatcher(None, before, after, False).get_opcodes() if block[0] != "equal"]
    spans = list[tuple[int, int, int, int]]()
    for _, start, end, at, to in blocks:
        while was.count("".join(before[start:end])) != 1 or start == end:  # more lines, until they stand there once
            if start:
                start, at = start - 1, at - 1
            elif end < len(before):
                end, to = end + 1, to + 1
            else:
                return [Edit(path=path, old=was, new=now)]
        while spans and start <= spans[-1][1]:
            before_start, before_end, before_at, before_to = spans.pop()
            start, at, end, to = min(start, before_start), min(at, before_at), max(end, before_end), max(to, before_to)
        spans.append((start, end, at, to))
    edits = [Edit(path=path, old="".join(before[a:b]), new="".join(after[c:d])) for a, b, c, d in spans]
    return edits if apply_edits({path: was}, edits).code[path] == now else [Edit(path=path, old=was, new=now)]
