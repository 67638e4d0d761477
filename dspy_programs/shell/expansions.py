"""Take out of a command line what the shell computes, so that the rest can be read: variables, $(...), braces, flow.

Input      a command line as text.
Output     the text with VALUE for what is computed, `;` for parentheses and braces, and without the words of loops and
           conditions; and the commands in $(...) and backquotes, which run as well.
Guarantees never raises; what stands in single quotes stays; a bracket or a quote that does not end stays as it is, which the
           reader of command lines refuses.
"""

import re
from typing import NamedTuple

VALUE = "__VALUE__"
"""Stands for a text that only the shell knows."""
_VARIABLE = re.compile(r"\$(?:[A-Za-z_]\w*|[0-9?@*#$!-])")
_BRACES = re.compile(r"\{[^{}\s'\"]*(?:,|\.\.)[^{}\s'\"]*\}")
_FUNCTION = re.compile(r"\(\s*\)")
_FOR = re.compile(r"(^|[;\n&|])(\s*)for\s+\w+(?:\s+in\b[^;\n]*)?(?=[;\n])")
_FLOW = re.compile(r"(^|[;\n&|])(\s*)(?:if|then|elif|else|while|until|do|time(?:\s+-p)?|!)(?=\s)")
_END = re.compile(r"(^|[;\n])(\s*)(?:done|fi)(?=\s|[;&|)]|$)")


class Plain(NamedTuple):
    """text: without what is computed; inner: the commands that run to compute it."""

    text: str
    inner: list[str]


def without_expansions(text: str) -> Plain:
    """See the top of the file."""
    made: list[str] = []
    inner: list[str] = []
    at, quoted = 0, False
    while at < len(text):
        character = text[at]
        end = _end_of(text, at, quoted)
        if character == "\\":
            made.append(text[at : at + 2])
            at += 2
        elif character == '"':
            made.append(character)
            at, quoted = at + 1, not quoted
        elif character == "'" and not quoted:
            end = text.find("'", at + 1)
            made.append(text[at : end + 1] if end > 0 else text[at:])
            at = end + 1 if end > 0 else len(text)
        elif end > at:
            body = text[at:end]
            inner += _commands_in(body)
            made.append("1" if body.startswith("$((") else "~" if body in ("$HOME", "${HOME}") else VALUE)
            at = end
        else:
            made.append(character if quoted else _plain(text, at))
            at += 1
    return Plain(_without_flow("".join(made)), inner)


def _end_of(text: str, at: int, quoted: bool) -> int:
    """Return where what is computed from here on ends; -1 if nothing is, or if it does not end."""
    if text.startswith(("$(", "${"), at):
        return _closed(text, at + 1)
    if text[at] == "`":
        return text.find("`", at + 1) + 1 or -1
    found = _VARIABLE.match(text, at) or (None if quoted else _BRACES.match(text, at))
    return found.end() if found else -1


def _closed(text: str, at: int) -> int:
    """Return where the bracket that opens here is closed."""
    opening, closing = text[at], ")" if text[at] == "(" else "}"
    depth = 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == "'":
            at = text.find("'", at + 1)
            if at < 0:
                return -1
        elif text[at] == opening:
            depth += 1
        elif text[at] == closing:
            depth -= 1
            if not depth:
                return at + 1
        at += 1
    return -1


def _commands_in(body: str) -> list[str]:
    if body.startswith("$(("):
        return without_expansions(body[3:-2]).inner
    if body.startswith("$("):
        return [body[2:-1]]
    if body.startswith("`"):
        return [body[1:-1]]
    return without_expansions(body[2:-1]).inner if body.startswith("${") else []


def _plain(text: str, at: int) -> str:
    """Return what stands for one character outside of quotes."""
    character = text[at]
    if character == "(" and _FUNCTION.match(text, at):
        return character  # a function, which is not read
    if character in "()" and text[at - 1 : at] not in ("<", ">", "(") and not text[:at].rstrip().endswith("("):
        return " ; "
    if character == "{" and text[at + 1 : at + 2].isspace():
        return " ; "
    if character == "}" and (not text[:at].rstrip() or text[:at].rstrip()[-1] in ";\n") and not text.startswith("{}", at - 1):
        return " "
    if character in "[]" and (text[at - 1 : at] == character):
        return ""  # [[ is like [
    return character


def _without_flow(text: str) -> str:
    text = _FOR.sub(r"\1\2true", text)
    while (shorter := _FLOW.sub(r"\1\2", text)) != text:
        text = shorter
    return _END.sub(r"\1\2true", text)
