"""The repair that an error message leaves little choice about: a name misspelled or not imported, an index past the end, a
result not returned, a key not there yet, a dictionary changed while it is iterated.

Input      files as texts by path; what a failing test printed: a traceback of Python, or what pytest prints.
Output     one edit, and why; none where the message allows several repairs. It is not tried here: the test has to say.
"""

import ast
import difflib
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from dspy_programs.edits import Edit, edits_between, lines_of, syntax_fault

_FRAME = re.compile(r"^\s*File \"([^\"\n]+)\", line (\d+)|^([^\s:]+\.py):(\d+): ", re.MULTILINE)
_NOT_OURS = re.compile(r"(?:^|/)(?:site|dist)-packages/|/lib(?:64)?/python\d[^/]*/")  # installed, or the standard library
_ERROR = re.compile(r"^(?:E\s+)?((?:\w+\.)*\w*(?:Error|Exception))(?:: (.*))?$", re.MULTILINE)
_UNKNOWN_NAME = re.compile(r"name '(\w+)' is not defined(?:\. Did you mean: '(\w+)'\?)?")
_UNKNOWN_ATTRIBUTE = re.compile(r"has no attribute '(\w+)'\. Did you mean: '(\w+)'\?")
_NONE_GIVEN = re.compile(r"^None != |^assert None == |^unexpectedly None|^None is not true")
_CALLED = re.compile(r"(?:assert\w*\(?|assert)\s*(?:\w+\.)?(\w+)\(")
_LIKE = 0.8  # of difflib's ratio


class _Place(NamedTuple):
    """A line of one of the files; lines count from 1."""

    path: str
    text: str
    line: int

    @property
    def said(self) -> str:
        return lines_of(self.text)[self.line - 1].rstrip("\r\n")

    def with_line(self, new: str) -> list[Edit]:
        return self.with_lines({self.line: new})

    def with_lines(self, new: Mapping[int, str]) -> list[Edit]:
        lines = lines_of(self.text)
        for number, text in new.items():
            lines[number - 1] = text + lines[number - 1][len(lines[number - 1].rstrip("\r\n")) :]
        return edits_between(self.path, self.text, "".join(lines))


def edit_for_error(code: Mapping[str, str], feedback: str) -> tuple[list[Edit], str]:
    """Return the edit that mends what the feedback complains about, and why; none if that is not sure enough."""
    errors = _ERROR.findall(feedback)
    if not errors:
        return [], ""
    kind, message = errors[-1][0].rpartition(".")[2], errors[-1][1]
    if kind == "AssertionError" and _NONE_GIVEN.search(message):
        return _returned(code, feedback)
    place = _place(code, feedback)
    if place is None:
        return [], ""
    for mend in (_unknown_name, _index_past_end, _missing_key, _changed_in_loop):
        if found := next(mend(place, kind, message), None):
            return found
    return [], ""


def _place(code: Mapping[str, str], feedback: str) -> _Place | None:
    """Return the innermost line of the traceback that is in one of the files."""
    for match in reversed([*_FRAME.finditer(feedback)]):
        path, line = _path_of(match[1] or match[3], code), int(match[2] or match[4])
        if path and 0 < line <= len(lines_of(code[path])) and not syntax_fault(code[path]):
            return _Place(path, code[path], line)
    return None


def _path_of(named: str, paths: Collection[str]) -> str:
    """Return which of the files a traceback names; "" if it is another, or could be."""
    if named in paths:
        return named
    if _NOT_OURS.search(named):
        return ""
    if whole := [path for path in paths if named.endswith(f"/{path}")]:
        return max(whole, key=len)
    alike = [path for path in paths if path.rpartition("/")[2] == named.rpartition("/")[2]]
    is_one = len(alike) == 1 and (named.startswith("/") or alike[0].endswith(f"/{named}"))
    return alike[0] if is_one else ""


_Found = Iterator[tuple[list[Edit], str]]


def _unknown_name(place: _Place, kind: str, message: str) -> _Found:
    if kind == "AttributeError" and (match := _UNKNOWN_ATTRIBUTE.search(message)):
        new, count = re.subn(rf"\.{match[1]}\b", f".{match[2]}", place.said)
        if count == 1:
            yield place.with_line(new), f"there is no {match[1]}, but {match[2]}"
    if kind != "NameError" or (match := _UNKNOWN_NAME.search(message)) is None:
        return
    unknown = match[1]
    if unknown in sys.stdlib_module_names and re.search(rf"\b{unknown}\.\w", place.said):
        yield _imported(place, unknown), f"{unknown} is not imported"
        return
    names = {node.id for node in ast.walk(ast.parse(place.text)) if isinstance(node, ast.Name)} - {unknown}
    names |= {node.arg for node in ast.walk(ast.parse(place.text)) if isinstance(node, ast.arg)}
    alike = difflib.get_close_matches(unknown, sorted(names), 2, _LIKE)
    meant = match[2] if match[2] in names else alike[0] if len(alike) == 1 else None
    if meant:
        yield place.with_line(re.sub(rf"\b{unknown}\b", meant, place.said)), f"{unknown} is not defined, but {meant} is"


def _imported(place: _Place, module: str) -> list[Edit]:
    body = ast.parse(place.text).body
    first = next((node for node in body if isinstance(node, (ast.Import, ast.ImportFrom))), None)
    is_future = isinstance(first, ast.ImportFrom) and first.module == "__future__"
    lines = lines_of(place.text)
    if first is not None:
        at = (first.end_lineno or first.lineno) if is_future else first.lineno - 1
        lines.insert(at, f"import {module}\n")
    else:
        has_docstring = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
        at = (body[0].end_lineno or 0) if has_docstring else 0
        lines.insert(at, f"\nimport {module}\n" if has_docstring else f"import {module}\n\n\n")
    return edits_between(place.path, place.text, "".join(lines))


def _index_past_end(place: _Place, kind: str, message: str) -> _Found:
    """Mend `x[len(x)]`, and the loop around the line that lets an index reach the length."""
    if kind != "IndexError" or "out of range" not in message:
        return
    if len(found := re.findall(r"(\w+)\[len\(\1\)\]", place.said)) == 1:
        yield place.with_line(place.said.replace(f"[len({found[0]})]", "[-1]")), "the last index is the length less 1"
        return
    loops = [node for node in ast.walk(ast.parse(place.text)) if isinstance(node, (ast.For, ast.While))]
    around = [node for node in loops if node.lineno <= place.line <= (node.end_lineno or node.lineno)]
    for node in sorted(around, key=lambda node: -node.lineno):
        head = place._replace(line=node.lineno)
        for was, now in ((r"range\((.*)len\((\w+)\) \+ 1\)", r"range(\1len(\2))"), (r"(\w+) <= len\((\w+)\)", r"\1 < len(\2)")):
            new, count = re.subn(was, now, head.said)
            if count == 1:
                yield head.with_line(new), "the last index is the length less 1"
                return


def _missing_key(place: _Place, kind: str, message: str) -> _Found:
    if kind != "KeyError":
        return
    if match := re.fullmatch(r"(\s*)([\w.]+)\[([^\[\]]+)\] \+= (\d+)", place.said):
        indent, mapping, key, by = match.groups()
        yield place.with_line(f"{indent}{mapping}[{key}] = {mapping}.get({key}, 0) + {by}"), f"{mapping} lacks the key at first"
    if match := re.fullmatch(r"(\s*)([\w.]+)\[([^\[\]]+)\]\.(append|add)\((.*)\)", place.said):
        indent, mapping, key, how, value = match.groups()
        empty = "[]" if how == "append" else "set()"
        new = f"{indent}{mapping}.setdefault({key}, {empty}).{how}({value})"
        yield place.with_line(new), f"{mapping} lacks the key at first"


def _changed_in_loop(place: _Place, kind: str, message: str) -> _Found:
    if kind == "RuntimeError" and "changed size during iteration" in message:
        if match := re.fullmatch(r"(\s*for .+? in )([\w.]+(?:\.(?:items|keys|values)\(\))?):", place.said):
            yield place.with_line(f"{match[1]}list({match[2]}):"), "it changes while it is iterated"


def _returned(code: Mapping[str, str], feedback: str) -> tuple[list[Edit], str]:
    """Return what a function computes last, where a test gets None from it and it has no other end."""
    called = _CALLED.findall(feedback)
    for path, text in code.items():
        if not called or syntax_fault(text) or not path.endswith(".py"):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == called[-1]:
                if new := _with_return(node, text):
                    return edits_between(path, text, new), f"{node.name} does not return what it computes"
    return [], ""


def _with_return(function: ast.FunctionDef | ast.AsyncFunctionDef, text: str) -> str:
    last, lines = function.body[-1], lines_of(text)
    gives = [node for node in ast.walk(function) if isinstance(node, (ast.Return, ast.Yield, ast.YieldFrom))]
    indent = " " * last.col_offset
    if isinstance(last, ast.Expr):
        value = last.value
        called = value.func.id if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) else ""
        is_value = isinstance(value, (ast.BinOp, ast.BoolOp, ast.Compare, ast.Name, ast.Subscript)) or called not in (
            "",
            "print",
        )
        if called == function.name or (is_value and not gives):
            at = last.lineno - 1
            lines[at] = indent + "return " + lines[at].lstrip()
            return "".join(lines)
    if gives or not isinstance(last, (ast.Assign, ast.AugAssign, ast.For, ast.While)):
        return ""
    target = last.targets[0] if isinstance(last, ast.Assign) else last.target if isinstance(last, ast.AugAssign) else None
    if isinstance(last, (ast.For, ast.While)):  # what is built in the loop: the one name that the function sets before it
        set_before = [node.targets[0] for node in function.body if isinstance(node, ast.Assign)]
        target = set_before[0] if len(set_before) == 1 else None
    if not isinstance(target, ast.Name):
        return ""
    end = last.end_lineno or last.lineno
    if not lines[end - 1].endswith("\n"):
        lines[end - 1] += "\n"
    lines.insert(end, f"{indent}return {target.id}\n")
    return "".join(lines)
