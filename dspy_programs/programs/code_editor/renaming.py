"""Give a name another one in Python and other text, where a task says it and it is clear which uses are meant.

Guarantees in Python strings and comments stay, but for what f-strings insert, and so does every other byte. Variables,
           attributes and keywords of calls are told apart. If a name is several of them and the task does not say which, if
           it is local to more than one function, or defined more than once, nothing is renamed.
"""

import ast
import keyword
import re
import symtable
import tokenize
from collections.abc import Mapping, Set
from typing import NamedTuple

from dspy_programs.edits import PYTHON, lines_of, syntax_fault


class _Use(NamedTuple):
    """A place where a name stands: its line, from 0, and the columns."""

    role: str
    line: int
    start: int
    end: int


class _UnclearError(Exception):
    """Which uses are meant cannot be told."""


def renamed(code: Mapping[str, str], old: str, new: str, what: str = "") -> dict[str, str]:
    """Return the files that change.

    Args:
        code: The files, text by path.
        old: The name as it is.
        new: The name that it gets.
        what: What it is the name of, as the task says: function, variable, argument, ...; "" if it does not say.

    Returns:
        The changed texts by path; none if the new name is no name or is in use, or if it is not clear what is meant.
    """
    if not old.isidentifier() or not new.isidentifier() or keyword.iskeyword(new):
        return {}
    if any(_has(path, text, new) for path, text in code.items()):  # in use
        return {}
    try:
        python = {path: text for path, text in code.items() if path.endswith(PYTHON) and old in text}
        uses = {path: _uses(text, old) for path, text in python.items()}
        meant = _meant(python, [use.role for found in uses.values() for use in found], old, what)
    except _UnclearError:
        return {}
    texts = {path: _with(code[path], [use for use in found if use.role in meant], old, new) for path, found in uses.items()}
    word = re.compile(rf"(?<!\w){re.escape(old)}(?!\w)")
    texts |= {path: word.sub(new, text) for path, text in code.items() if not path.endswith(PYTHON)}
    return {path: text for path, text in texts.items() if text != code[path]}


def _has(path: str, text: str, name: str) -> bool:
    """Return whether a text has a name; in Python not in comments and strings, but for what f-strings insert."""
    if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text):
        return False
    if not path.endswith(PYTHON) or syntax_fault(text):
        return True
    tokens = tokenize.generate_tokens(iter(lines_of(text)).__next__)
    return any(
        token.string == name or (token.type == tokenize.STRING and _inserts(token.string, name))
        for token in tokens
        if token.type in (tokenize.NAME, tokenize.STRING)
    )


def _meant(code: Mapping[str, str], roles: list[str], name: str, what: str) -> Set[str]:
    """Return the roles to rename. Raises _UnclearError."""
    scopes = [scope for text in code.values() for scope in _scopes(text, name)]
    is_defined, is_method = "definition" in roles, "method" in roles
    if name.startswith("__") or roles.count("definition") + roles.count("method") > 1:
        raise _UnclearError
    if is_method:
        if what not in ("", "method", "function", "name") or "plain" in roles:
            raise _UnclearError
        return {"method", "attribute", "inserted"}
    if is_defined:
        if what not in ("", "function", "class", "name") or "attribute" in roles or len(scopes) > 1:
            raise _UnclearError
        return {"definition", "plain", "inserted"}
    if what == "attribute" or (not what and {*roles} <= {"attribute", "inserted"}):
        return {"attribute", "inserted"}
    if (
        what in ("function", "method", "class")
        or len(scopes) != 1
        or (not what and any(role == "attribute" or role.startswith("keyword") for role in roles))
    ):
        raise _UnclearError
    return {"plain", "inserted"} | ({f"keyword of {scopes[0]}"} if what in ("argument", "parameter") else set())


def _scopes(text: str, name: str) -> list[str]:
    """Return the functions and classes in which a name is bound, and "" for the module; of a constructor, its class. An import
    binds no name of its own."""
    found: list[str] = []

    def visit(table: symtable.SymbolTable, owner: str) -> None:
        if name in table.get_identifiers():
            symbol = table.lookup(name)
            is_bound = (symbol.is_assigned() or symbol.is_parameter()) and not symbol.is_imported()
            if is_bound and not symbol.is_declared_global() and not symbol.is_nonlocal():
                found.append(owner)
        for inner in table.get_children():
            is_init = inner.get_name() == "__init__" and table.get_type() == "class"
            visit(inner, table.get_name() if is_init else inner.get_name())

    visit(symtable.symtable(text, "<renamed>", "exec"), "")
    return found


def _uses(text: str, name: str) -> list[_Use]:
    """Find a name in Python. Raises _UnclearError if the file cannot be read."""
    if syntax_fault(text):
        raise _UnclearError
    tree = ast.parse(text)
    called = {
        (each.lineno, each.col_offset): getattr(node.func, "attr", getattr(node.func, "id", ""))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for each in node.keywords
    }
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    methods = {
        each.lineno for node in classes for each in node.body if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    uses, before = [], ""
    for token in tokenize.generate_tokens(iter(lines_of(text)).__next__):
        (row, start), (last, end) = token.start, token.end
        if token.type == tokenize.NAME and token.string == name:
            role = {".": "attribute", "def": "definition", "class": "definition"}.get(before, "plain")
            role = "method" if before == "def" and row in methods else role
            callee = called.get((row, len(token.line[:start].encode())))
            uses.append(_Use(role if callee is None else f"keyword of {callee}", row - 1, start, end))
        elif token.type == tokenize.STRING and re.match(r"[a-zA-Z]*[fF]", token.string) and _inserts(token.string, name):
            if row != last or "{{" in token.string or re.search(r"\{[^{}]*['\"]", token.string[2:-1]):
                raise _UnclearError
            uses.append(_Use("inserted", row - 1, start, end))
        before = token.string
    return uses


def _inserts(text: str, name: str) -> bool:
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", part) for part in re.findall(r"\{[^{}]*\}", text))


def _with(text: str, uses: list[_Use], old: str, new: str) -> str:
    lines = lines_of(text)
    word = re.compile(rf"(?<![\w.]){re.escape(old)}(?!\w)")
    for use in reversed(uses):
        line = lines[use.line]
        there = line[use.start : use.end]
        put = re.sub(r"\{[^{}]*\}", lambda part: word.sub(new, part.group()), there) if use.role == "inserted" else new
        lines[use.line] = line[: use.start] + put + line[use.end :]
    return "".join(lines)
