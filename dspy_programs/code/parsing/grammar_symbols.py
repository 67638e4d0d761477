"""The definitions in a file of any other language, by the grammars inside ast-grep-py.

Guarantees nothing is downloaded; a file with errors in it gives what can be read of it.
Raises     MissingExtra without the `code` extra.
"""

from __future__ import annotations

import importlib.util
import re
from typing import TYPE_CHECKING

from dspy_programs.code.parsing.languages import GRAMMARS, Kind
from dspy_programs.code.parsing.symbol import LONGEST_NAME, Symbol
from dspy_programs.errors import MissingExtra

if TYPE_CHECKING:
    from ast_grep_py import Rule, SgNode

_NAMES = ("simple_identifier", "type_identifier", "identifier", "constant", "word")
_COMMENT = re.compile(r"\s*(//|/\*|\*|#(?!\s*(?:include|define|if|endif|else|pragma))|--|@\w)")
_RECEIVER = re.compile(r"\*?\s*([A-Za-z_]\w*)\s*(?:\[[^\]]*\])?\s*\)$")
_LONGEST_RECEIVER = 300  # characters
_ANONYMOUS = ("arrow_function", "function_expression", "class")  # named by what they are assigned to
_LONGEST_LINE = 20_000  # characters
_MOST_CHAINED = 12  # declarators inside each other


def grammars_are_here() -> bool:
    """Return whether the `code` extra is installed; nothing is imported."""
    try:
        return importlib.util.find_spec("ast_grep_py") is not None
    except ValueError:  # it was imported, and is no module
        return False


def parsed(text: str, language: str) -> SgNode:
    """Return the root of the syntax tree. Raises MissingExtra."""
    try:
        from ast_grep_py import SgRoot
    except ImportError:
        raise MissingExtra('code in languages other than Python needs an extra: pip install "dspy-programs[code]"') from None
    return SgRoot(text, language).root()


def has_long_lines(text: str) -> bool:
    """Return whether a line is so long that finding where its nodes are takes for ever: columns are counted from its start."""
    return len(text) > _LONGEST_LINE and max(map(len, text.split("\n"))) > _LONGEST_LINE


def grammar_symbols(text: str, language: str) -> list[Symbol]:
    """Return the definitions in their order; none where a line is too long. Raises MissingExtra."""
    if has_long_lines(text):
        return []
    grammar = GRAMMARS[language]
    lines = text.split("\n")
    kinds: list[Rule] = [{"kind": kind} for kind in (*grammar.classes, *grammar.functions)]
    found: list[tuple[int, int, str, Kind, int, int]] = []
    for node in parsed(text, language).find_all(any=kinds):
        if name := _name_of(node, language):
            span = node.range()
            kind: Kind = "class" if node.kind() in grammar.classes else "function"
            last = span.end.line + bool(span.end.column)
            found.append((span.start.index, span.end.index, name, kind, span.start.line, last))
    found.sort(key=lambda one: (one[0], -one[1]))
    symbols: list[Symbol] = []
    around: list[tuple[int, str, bool]] = []  # end, dotted name, inside a function
    too_deep_until = 0
    for start, end, name, kind, line, last in found:
        if start < too_deep_until:
            continue
        while around and around[-1][0] <= start:
            around.pop()
        outer, nested = (around[-1][1] + ".", around[-1][2]) if around else ("", False)
        full = f"{outer}{name}"
        if len(full) > LONGEST_NAME:
            too_deep_until = end
            continue
        symbols.append(Symbol(full, kind, _first_line(lines, line) + 1, line + 1, last, nested))
        around.append((end, full, nested or kind == "function"))
    return symbols


def grammar_matches(text: str, language: str, pattern: str) -> list[tuple[int, int, str]]:
    """Return the first line, the last line (both from 1) and the code of each place that fits. Raises MissingExtra."""
    spans = ((node.range(), node.text()) for node in parsed(text, language).find_all(pattern=pattern))
    return [(span.start.line + 1, span.end.line + 1, code) for span, code in spans]


def _first_line(lines: list[str], line: int) -> int:
    """Return where the comment right above a definition begins. line: from 0."""
    while line > 0 and _COMMENT.match(lines[line - 1]):
        line -= 1
    return line


def _name_of(node: SgNode, language: str) -> str:
    kind = node.kind()
    if kind in ("struct_specifier", "union_specifier", "enum_specifier", "class_specifier") and not node.field("body"):
        return ""  # a use, not a definition
    if kind in _ANONYMOUS and not node.field("name"):
        return _assigned_name(node)
    if language == "lua" and kind == "function_definition":
        return _assigned_name(node)
    if kind == "impl_item":
        implemented = node.field("type")
        return re.split(r"[<\s]", implemented.text())[0].replace("::", ".") if implemented else ""
    if kind == "companion_object":
        return "Companion"
    if kind == "type_definition" or (language in ("c", "cpp") and kind == "function_definition"):
        return _declared_name(node)
    named = node.field("name") or next((child for child in node.children() if child.kind() in _NAMES), None)
    if named is None:
        return ""
    name = _dotted(named.text())
    receiver = node.field("receiver") if language == "go" else None
    if receiver and (of := _RECEIVER.search(receiver.text()[-_LONGEST_RECEIVER:])):
        return f"{of[1]}.{name}"
    return name


def _assigned_name(node: SgNode) -> str:
    """Return what an anonymous function is assigned to: f of `const f = () => 1`; "" if it is only an argument."""
    parent = node.parent()
    if parent is not None and parent.kind() == "expression_list":  # Lua
        parent = parent.parent()
    if parent is None:
        return ""
    target = next((found for name in ("name", "left", "property", "key") if (found := parent.field(name))), None)
    if target is None or parent.kind() not in (
        *("variable_declarator", "assignment_expression", "public_field_definition", "field_definition", "pair"),
        "assignment_statement",
    ):
        return ""
    text = target.text().strip("\"'`")
    return _dotted(text.removeprefix("module.exports.").removeprefix("exports.")) if len(text) <= 100 else ""


def _declared_name(node: SgNode) -> str:
    """Return the name inside C's declarators: f of `static char *f(int a)`."""
    inner = node
    for _ in range(_MOST_CHAINED):
        deeper = inner.field("declarator") or next((c for c in inner.children() if c.kind().endswith("declarator")), None)
        if deeper is None:
            break
        inner = deeper
    return "" if inner is node else _dotted(inner.text().split("(")[0].strip())


def _dotted(name: str) -> str:
    return re.sub(r"<.*>", "", name, flags=re.S).replace("::", ".").replace("\\", ".").replace(":", ".").strip()
