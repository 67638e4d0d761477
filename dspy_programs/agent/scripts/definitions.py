"""Python functions, classes and constants of a text written anew, the rest as it stands.

Input      the text of a module; the tree and text of what is to take its place: whole definitions, and imports.
Output     the text with each definition in the place of the one of its name, new ones at the end, imports it lacks at the top.
Guarantees methods that a new class leaves out stay, as do decorators and docstrings that a new function leaves out; what is no
           definition, such as a call or an assert, is not taken over.
Raises     SyntaxError if the text is not Python.
"""

import ast
import textwrap
from collections.abc import Iterator, Sequence
from typing import NamedTuple

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


class _Splice(NamedTuple):
    """Lines from `start` up to `end` become `text`. Lines count from 0."""

    start: int
    end: int
    text: str


def with_definitions(text: str, new: ast.Module, new_text: str) -> str:
    """Return a module's text with the definitions of another in their places."""
    old, lines = ast.parse(text), text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    source, splices = _Source(new_text.splitlines(keepends=True), lines), [*_imports(old, new, lines)]
    for node in new.body:
        if isinstance(node, Definition):
            splices += _placed(node, old, source)
        elif (name := _constant(node)) and (was := next((each for each in old.body if _constant(each) == name), None)):
            splices.append(_Splice(was.lineno - 1, was.end_lineno or was.lineno, source.of(node, 0)))
    for splice in sorted(reversed(splices), key=lambda each: each.start, reverse=True):  # of one place, the first ends up first
        lines[splice.start : splice.end] = [splice.text]
    return "".join(lines)


def names_in(tree: ast.Module) -> set[str]:
    """Return the names that the top level of a module defines."""
    return {name for node in tree.body if (name := node.name if isinstance(node, Definition) else _constant(node))}


class _Source(NamedTuple):
    """The lines that definitions come from and go to."""

    new: Sequence[str]
    old: Sequence[str]

    def of(self, node: ast.stmt, indent: int) -> str:
        """Return the text of a new statement, at an indent."""
        text = "".join(self.new[_first(node) : node.end_lineno])
        text = textwrap.indent(textwrap.dedent(text), " " * indent, lambda line: bool(line.strip()))
        return text if text.endswith("\n") else f"{text}\n"

    def over(self, node: ast.stmt, was: Definition) -> str:
        """Return the text of a new function in the place of an old one, with the docstring that it leaves out."""
        text = self.of(node, was.col_offset)
        if not isinstance(node, _FUNCTIONS) or ast.get_docstring(node) or not ast.get_docstring(was):
            return text
        head = node.body[0].lineno - 1 - _first(node)  # lines before the body
        doc = was.body[0]
        kept = "".join(self.old[doc.lineno - 1 : doc.end_lineno])
        lines = text.splitlines(keepends=True)
        return text if head < 1 or was.lineno == doc.lineno else "".join([*lines[:head], kept, *lines[head:]])


def _placed(node: Definition, old: ast.Module, source: _Source) -> Iterator[_Splice]:
    """Yield what puts a definition into its place: over that of its name, which may be a method, else at the end."""
    was = _named(node.name, old.body) or (_method(node.name, old) if isinstance(node, _FUNCTIONS) else None)
    if was is None:
        end = len(source.old)
        yield _Splice(end, end, ("\n\n" if source.old else "") + source.of(node, 0))
    elif isinstance(node, ast.ClassDef) and isinstance(was, ast.ClassDef):
        yield from _methods(node, was, source)
    else:
        start = _first(was) if node.decorator_list else was.lineno - 1
        yield _Splice(start, was.end_lineno or was.lineno, source.over(node, was))


def _methods(node: ast.ClassDef, was: ast.ClassDef, source: _Source) -> Iterator[_Splice]:
    end = was.end_lineno or was.lineno
    for each in node.body:
        if not isinstance(each, _FUNCTIONS):
            continue
        if (method := _named(each.name, was.body)) is None:
            yield _Splice(end, end, "\n" + source.of(each, was.body[0].col_offset))
        else:
            start = _first(method) if each.decorator_list else method.lineno - 1
            yield _Splice(start, method.end_lineno or method.lineno, source.over(each, method))


def _imports(old: ast.Module, new: ast.Module, lines: Sequence[str]) -> Iterator[_Splice]:
    """Yield one splice with the imports that the old text lacks, after its docstring and its first imports."""
    has = {ast.unparse(node) for node in old.body if isinstance(node, ast.Import | ast.ImportFrom)}
    wanted = [ast.unparse(node) for node in new.body if isinstance(node, ast.Import | ast.ImportFrom)]
    lacks = [each for each in dict.fromkeys(wanted) if each not in has]
    if not lacks:
        return
    text = "".join(f"{each}\n" for each in lacks)
    imports = [node for node in old.body if isinstance(node, ast.Import | ast.ImportFrom)]
    of_the_future = [node for node in imports if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    if first := next((node for node in imports if node not in of_the_future), None):
        yield _Splice(first.lineno - 1, first.lineno - 1, text)
        return
    head: list[ast.stmt] = [*of_the_future, *(old.body[:1] if ast.get_docstring(old) is not None else [])]
    place = max((node.end_lineno or node.lineno for node in head), default=0)
    yield _Splice(place, place, ("\n" if place else "") + text + ("\n\n" if lines[place:] else ""))


def _named(name: str, body: Sequence[ast.stmt]) -> Definition | None:
    return next((node for node in body if isinstance(node, Definition) and node.name == name), None)


def _method(name: str, tree: ast.Module) -> Definition | None:
    """Return the method of a name, if only one class has it."""
    found = [method for node in tree.body if isinstance(node, ast.ClassDef) and (method := _named(name, node.body))]
    return found[0] if len(found) == 1 else None


def _constant(node: ast.stmt) -> str:
    """Return the name that a statement gives a value to, "" for none or several."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return node.target.id if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else ""


def _first(node: ast.stmt) -> int:
    """Return the line of a statement's first decorator or of itself."""
    decorators = node.decorator_list if isinstance(node, Definition) else []
    return min([node.lineno, *(each.lineno for each in decorators)]) - 1
