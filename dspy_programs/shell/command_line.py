"""Read a shell command line as far as that is certain: its simple commands, and the files that it redirects.

A small reader on purpose, not the whole shell: words, quotes, pipes, `;`, `&&`, `||`, `&`, new lines, redirections and
comments. Whatever makes the shell compute its own text ($, backquotes, braces, parentheses, here-documents) or control its
flow (if, for, while, functions) is not read: `unread` says what it was, and the policy asks.

Input      a command line as text.
Output     Line. Words are as the program would get them, quotes removed; patterns like *.txt are left as they are.
Guarantees never raises; where `unread` is empty, the shell runs the commands listed and no others.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SEPARATORS = ("&&", "||", "|&", ";", "|", "&", "\n")
_REDIRECTION = re.compile(r"(?P<to>\d*(?:>>|>\||>&|&>>|&>|>)|&>>?)|(?P<read>\d*<)")
_ASSIGNED = re.compile(r"[A-Za-z_]\w*\+?=")
_RESERVED = frozenset(
    "if then else elif fi for while until do done case esac select function time coproc [[ ]] { } ! in".split()
)
_COMPUTED = {"$": "$", "`": "a backquote", "(": "(", ")": ")", "{": "{", "}": "}"}


class Command(NamedTuple):
    """One program with its arguments."""

    words: tuple[str, ...]
    assigned: tuple[str, ...] = ()
    """Variables set for it alone: NAME=value."""
    fed: bool = False
    """Whether it reads from a pipe or a file."""

    @property
    def text(self) -> str:
        return " ".join(self.words)


@dataclass
class Line:
    """What a command line runs, reads and writes."""

    commands: list[Command] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    emptied: list[str] = field(default_factory=list)
    """Files that nothing is written to, so that they are empty afterwards: `> FILE`, `: > FILE`."""
    unread: str = ""


class _Unread(Exception):
    """The text means more than this reader knows."""


class _Word(NamedTuple):
    text: str
    quoted: bool


class _Sign(NamedTuple):
    """A separator or a redirection."""

    text: str


def read_command_line(text: str) -> Line:
    """Read a command line. See the top of the file."""
    line = Line()
    try:
        if _CONTROL.search(text):
            raise _Unread("a control character")
        _gather(list(_tokens(text)), line)
    except _Unread as error:
        line.unread = str(error)
    return line


def _gather(tokens: list[_Word | _Sign], line: Line) -> None:
    words: list[_Word] = []
    over: list[str] = []
    fed = piped = False
    waiting = iter([*tokens, _Sign(";")])
    for token in waiting:
        if isinstance(token, _Word):
            words.append(token)
        elif token.text in _SEPARATORS:
            if words:
                line.commands.append(_command(words, fed or piped))
            elif token.text not in (";", "\n"):
                raise _Unread(f"{token.text} without a command")
            if not words or words[0].text in (":", "true") or [word.text for word in words] == ["cat", "/dev/null"]:
                line.emptied += over
            words, over, fed, piped = [], [], False, token.text in ("|", "|&")
        else:
            target = next(waiting)
            if not isinstance(target, _Word):
                raise _Unread(f"{token.text} without a file")
            if token.text.endswith("<"):
                fed = True
                line.reads.append(target.text)
            elif not (token.text.endswith(">&") and (target.text.isdigit() or target.text == "-")):
                line.writes.append(target.text)
                over += [] if ">>" in token.text or token.text.startswith("2") else [target.text]


def _command(words: list[_Word], fed: bool) -> Command:
    count = 0
    while count < len(words) and _ASSIGNED.match(words[count].text) and not words[count].quoted:
        count += 1
    rest = words[count:]
    if rest and rest[0].text in _RESERVED and not rest[0].quoted:
        raise _Unread(f"the word {rest[0].text}")
    return Command(tuple(word.text for word in rest), tuple(word.text for word in words[:count]), fed)


def _tokens(text: str) -> Iterator[_Word | _Sign]:
    at = 0
    while at < len(text):
        if text[at] in " \t":
            at += 1
        elif text.startswith("\\\n", at):
            at += 2
        elif text[at] == "#":
            at = end if (end := text.find("\n", at)) >= 0 else len(text)
        elif text.startswith(("<<", "<(", ">(", "<>", "<&"), at):
            raise _Unread(text[at : at + 2])
        elif found := _REDIRECTION.match(text, at):
            yield _Sign(found[0])
            at = found.end()
        elif sign := next((sign for sign in _SEPARATORS if text.startswith(sign, at)), ""):
            yield _Sign(sign)
            at += len(sign)
        else:
            word, at = _word(text, at)
            yield word


def _word(text: str, at: int) -> tuple[_Word, int]:
    """Read one word; return it and where it ends."""
    made: list[str] = []
    start, quoted, assigns = at, False, False
    while at < len(text) and text[at] not in " \t\n;|&<>":
        character = text[at]
        assigns = assigns or made[-1:] == ["="]  # quotes in the value do not make it another word
        if text.startswith("{}", at):  # a place to fill, for find and xargs
            made.append("{}")
            at += 2
        elif character in _COMPUTED:
            raise _Unread(_COMPUTED[character])
        elif character == "'":
            end = text.find("'", at + 1)
            if end < 0:
                raise _Unread("a quote that does not end")
            made.append(text[at + 1 : end])
            at, quoted = end + 1, quoted or not assigns
        elif character == '"':
            inner, at = _double_quoted(text, at + 1)
            made.append(inner)
            quoted = quoted or not assigns
        elif character == "\\":
            if at + 1 >= len(text):
                raise _Unread("a backslash at the end")
            made.append("" if text[at + 1] == "\n" else text[at + 1])
            at, quoted = at + 2, quoted or not assigns
        else:
            made.append(character)
            at += 1
    if text[start:at].isdigit() and text[at : at + 1] in ("<", ">"):
        raise _Unread("a number before a redirection")  # the tokens read those that are one
    return _Word("".join(made), quoted), at


def _double_quoted(text: str, at: int) -> tuple[str, int]:
    made: list[str] = []
    while at < len(text):
        character = text[at]
        if character == '"':
            return "".join(made), at + 1
        if character in "$`":
            raise _Unread(_COMPUTED[character])
        if character == "\\" and text[at + 1 : at + 2] in ("$", "`", '"', "\\", "\n"):
            made.append("" if text[at + 1] == "\n" else text[at + 1])
            at += 2
        else:
            made.append(character)
            at += 1
    raise _Unread("a quote that does not end")
