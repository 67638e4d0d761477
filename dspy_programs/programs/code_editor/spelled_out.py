"""Edits that a task spells out whole: rename X to Y, replace `a` by `b`, use `b` instead of `a`.

Guarantees no edit if any part of the task is something else, if a text is not in the files, if it is there several times and
           the task does not say that all are meant; for names, what renaming.py says.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from dspy_programs.edits import Edit, edits_between
from dspy_programs.programs.code_editor.method_renaming import Unclear, has_class, method_renamed
from dspy_programs.programs.code_editor.renaming import renamed

_QUOTED = r"(?:`(?P<{0}1>[^`\n]+)`|\"(?P<{0}2>[^\"\n]+)\"|'(?P<{0}3>[^'\n]+)'|“(?P<{0}4>[^”\n]+)”)"
_KIND = (
    r"(?:(?:the|a)\s+)?(?:(?:local\s+)?(?P<what>function|method|class|variable|argument|parameter|constant|attribute|name)\s+)?"
)
_NAME = r"(?:{0}|(?P<{1}5>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?:\(\))?))"
_WHERE = (
    r"(?P<all>\s+everywhere|\s+throughout)?(?:\s+in\s+(?:the\s+file\s+)?`?(?P<file>[\w./-]+\.\w+)`?)?(?P<all2>\s+everywhere)?"
)
_ORDERS = {
    "rename": rf"rename\s+{_KIND}{_NAME.format(_QUOTED.format('a'), 'a')}\s+(?:to|into|as)\s+"
    rf"{_NAME.format(_QUOTED.format('b'), 'b')}{_WHERE}",
    "replace": rf"(?:replace|change)\s+(?P<every>(?:all|every|each)\s+(?:occurrences?\s+of\s+)?)?{_QUOTED.format('a')}\s+"
    rf"(?:by|with|to|into)\s+{_QUOTED.format('b')}{_WHERE}",
    "instead": rf"use\s+{_QUOTED.format('b')}\s+instead\s+of\s+{_QUOTED.format('a')}{_WHERE}",
}
_PATTERNS = [(kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _ORDERS.items()]
_BETWEEN = re.compile(r"[\s.,;!]*(?:(?:and|then|please)\b[\s,]*)*", re.IGNORECASE)
_MOST = 2000  # characters of a task that is read for orders


class _Order(NamedTuple):
    kind: str
    old: str
    new: str
    file: str
    everywhere: bool
    what: str


def edits_spelled_out(task: str, code: Mapping[str, str]) -> tuple[list[Edit], str]:
    """Return the edits that do all that the task says, and what they do; or none, and why a rename that it says is not made."""
    if len(task) > _MOST or not (orders := _orders(task)):
        return [], ""
    now = dict(code)
    for order in orders:
        paths = [path for path in now if not order.file or path == order.file or path.endswith(f"/{order.file}")]
        if order.kind == "rename":
            old, new = order.old.removesuffix("()"), order.new.removesuffix("()")
            try:
                done = _renamed({path: now[path] for path in paths}, old, new, order.what)
            except Unclear as why:
                return [], f"{old} is not renamed: {why}"
        else:
            done = _replaced(now, paths, order)
        if not done:
            return [], ""
        now |= done
    edits = [edit for path, text in code.items() if text != now[path] for edit in edits_between(path, text, now[path])]
    return edits, "; ".join(f"{order.old} becomes {order.new}" for order in orders)


def _orders(task: str) -> list[_Order]:
    """Read a task as a list of orders; [] if something in it is none."""
    orders = list[_Order]()
    at = found.end() if (found := _BETWEEN.match(task)) else 0
    while at < len(task):
        match = next(((kind, found) for kind, pattern in _PATTERNS if (found := pattern.match(task, at))), None)
        if match is None:
            return []
        kind, read = match
        parts = read.groupdict()
        old, new = (next(parts[f"{part}{n}"] for n in "12345" if parts.get(f"{part}{n}") is not None) for part in "ab")
        orders.append(
            _Order(
                kind,
                old,
                new,
                parts["file"] or "",
                any(parts.get(name) for name in ("every", "all", "all2")),
                (parts.get("what") or "").lower(),
            )
        )
        end = _BETWEEN.match(task, read.end())
        if end is None or (end.end() == read.end() and end.end() < len(task)):
            return []
        at = end.end()
    return orders


def _renamed(code: Mapping[str, str], old: str, new: str, what: str) -> dict[str, str]:
    """Rename a name, or Class.method. Raises Unclear for the latter."""
    owner, _, name = old.rpartition(".")
    new_owner, _, new_name = new.rpartition(".")
    new = new_name if owner and f".{owner}".endswith(f".{new_owner}") else new
    owner = owner.rpartition(".")[2]
    if not owner or not all(part.isidentifier() for part in old.split(".")):
        return renamed(code, old, new, what)
    if has_class(code, owner):
        return method_renamed(code, old, new)
    of_module = any(f"/{path}".endswith((f"/{owner}.py", f"/{owner}/__init__.py")) for path in code)
    return renamed(code, name, new, what or "function") if of_module else {}


def _replaced(code: Mapping[str, str], paths: list[str], order: _Order) -> dict[str, str]:
    count = sum(code[path].count(order.old) for path in paths)
    if count == 0 or (count > 1 and not order.everywhere):
        return {}
    return {path: code[path].replace(order.old, order.new) for path in paths if order.old in code[path]}
