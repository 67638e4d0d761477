"""Take out of a command line what the shell computes, so that the rest can be read: variables, $(...), <(...), braces, flow.

Input      a command line as text.
Output     the text with VALUE for what is computed, `;` for parentheses and braces, and without the words of loops and
           conditions; and the commands in $(...), <(...) and backquotes, which run as well. A here-document becomes `< TEXT`.
Guarantees never raises; what stands in single quotes stays; a bracket or a quote that does not end stays as it is, which the
           reader of command lines refuses.
"""

import re
from typing import NamedTuple

VALUE = "__VALUE__"
"""Stands for a text that only the shell knows."""
_VARIABLE = re.compile(r"\$(?:[A-Za-z_]\w*|[0-9?@*#$!-])")
_BRACES = re.compile(r"\{[^{}\s'\"]*(?:,|\.\.)[^{}\s'\"]*\}")
_LITERAL = re.compile(r"@\{[\w-]*\}")  # stash@{0}: no list, so not the shell's
_FUNCTION = re.compile(r"\(\s*\)")
_NAMED_FUNCTION = re.compile(
    r"(?:(?<=[\s;&|(){])|^)(?:function\s+(?P<word>[A-Za-z_][\w-]*)\s*(?:\(\s*\))?|(?P<name>[A-Za-z_][\w-]*)\s*\(\s*\))\s*(?=\{)"
)
_AFTER_BRACKET = re.compile(r" ; \s*(?=[&|]|\d?[<>])")
_HERE = re.compile(r"<<(?P<dash>-?)[ \t]*(?P<quote>['\"]?)(?P<end>\w+)(?P=quote)")
_HERE_STRING = "<<<"
_CASE_WORDS = re.compile(r"(?:;;&?|;&|\bin)\s*\(?[^;\n()]*$")
_CASE = re.compile(r"(^|[;\n&|])([ \t]*)case[ \t]+\S+[ \t\n]+in\b")
_OPENINGS = re.compile(r"\$[({]|[<>]\(|\(\s{0,9}\)|`|\bin\b.{0,9}\)")
_MOST_OPENINGS = 200
_LONGEST_PATTERN = 200  # characters
_MOST_DOCUMENTS = 20  # in a line
_LAST_OF_CASE = re.compile(r";;&?|;&")
_FOR = re.compile(r"(^|[;\n&|])([ \t]*)for\s+\w+(?:\s+in\b[^;\n]*)?(?=[;\n])")
_FLOW = re.compile(r"(^|[;\n&|])([ \t]*)(?:if|then|elif|else|while|until|do|time(?:\s+-p)?|!)(?=\s)")
_END = re.compile(r"(^|[;\n])([ \t]*)(?:done|fi|esac)(?=\s|[;&|)]|$)")


class Plain(NamedTuple):
    """text: without what is computed; inner: the commands that run to compute it."""

    text: str
    inner: list[str]


def without_expansions(text: str) -> Plain:
    """See the top of the file."""
    made: list[str] = []
    inner: list[str] = []
    if len(_OPENINGS.findall(text)) > _MOST_OPENINGS:
        return Plain(text, inner)
    text = _without_documents(text, inner)
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
        elif not quoted and text.startswith(("<(", ">("), at) and (end := _closed(text, at + 1)) > 0:
            inner.append(text[at + 2 : end - 1])
            made.append(f"/dev/fd/{VALUE}")
            at = end
        elif not quoted and (named := _NAMED_FUNCTION.match(text, at)) and not _calls_itself(text, named):
            made.append(" ; ")
            at = named.end()
        elif not quoted and character == ")" and "case" in text and (pattern := _pattern_of_case(made)) is not None:
            made = [pattern, " "]
            at += 1
        elif end > at:
            body = text[at:end]
            inner += _commands_in(body)
            made.append("1" if body.startswith("$((") else "~" if body in ("$HOME", "${HOME}") else VALUE)
            at = end
        else:
            made.append(character if quoted else _plain(text, at))
            at += 1
    return Plain(_without_flow("".join(made)), inner)


def _without_documents(text: str, inner: list[str]) -> str:
    """Return a text without its here-documents, which are data to what reads them; what they compute is appended to inner."""
    if not 0 < text.count("<<") <= _MOST_DOCUMENTS:
        return text
    lines = iter(text.split("\n"))
    kept: list[str] = []
    for line in lines:
        before = "\n".join([*kept, ""])
        is_string = _is_bare(before + line[: max(0, line.find(_HERE_STRING))])
        shown = line.replace(_HERE_STRING, "< ") if is_string else line
        found = next((one for one in _HERE.finditer(shown) if _is_bare(before + shown[: one.start()])), None)
        kept.append(f"{shown[: found.start()]}< TEXT{shown[found.end() :]}" if found else shown)
        body: list[str] = []
        for following in lines if found else ():
            if found and (following.lstrip("\t") if found["dash"] else following) == found["end"]:
                break
            body.append(following)
        else:
            if found:
                return text  # it does not end
        if found and not found["quote"]:
            inner += without_expansions('"' + "\n".join(body).replace('"', "") + '"').inner
    return "\n".join(kept)


def _is_bare(before: str) -> bool:
    """Return whether what follows a text is outside of quotes, comments and arithmetic."""
    rest = re.sub(r"\\.|'[^']*'|\"(?:\\.|[^\"\\])*\"", "_", before, flags=re.DOTALL)
    return not re.search(r"['\"]|(?:^|\s)#[^\n]*$|\(\(", rest)


def _calls_itself(text: str, named: re.Match[str]) -> bool:
    end, name = _closed(text, named.end()), re.escape(named["word"] or named["name"])
    first = r"(?:[;&|{(\n`]|\b(?:do|then|else|time|exec|eval|command|nohup)\b)\s*"
    return end < 0 or re.search(rf"{first}{name}(?![\w-])", text[named.end() : end]) is not None


def _pattern_of_case(made: list[str]) -> str | None:
    """Return what stands before the pattern that a bracket ends here, in a `case`; None if it is no such bracket."""
    if not _CASE_WORDS.search("".join(made[-_LONGEST_PATTERN:])[-_LONGEST_PATTERN:]):
        return None
    so_far = "".join(made)
    found = _CASE_WORDS.search(so_far, max(0, len(so_far) - _LONGEST_PATTERN)) if _CASE.search(so_far) else None
    return f"{so_far[: found.start()]}{re.match(';;&?|;&|in', found[0])[0]} ; " if found else None  # type: ignore[index]


def _end_of(text: str, at: int, quoted: bool) -> int:
    """Return where what is computed from here on ends; -1 if nothing is, or if it does not end."""
    if text.startswith(("$(", "${"), at):
        return _closed(text, at + 1)
    if text[at] == "`":
        return text.find("`", at + 1) + 1 or -1
    found = _VARIABLE.match(text, at) or (None if quoted else _BRACES.match(text, at) or _LITERAL.match(text, at))
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
    text = _LAST_OF_CASE.sub("; ", _CASE.sub(r"\1\2true", text))
    text = _FOR.sub(r"\1\2true", text)
    while (shorter := _FLOW.sub(r"\1\2", text)) != text:
        text = shorter
    return _AFTER_BRACKET.sub(" ", _END.sub(r"\1\2true", text))
