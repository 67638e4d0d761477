"""What a command would do that a person wants to be asked about: delete, reach the network, gain rights, run unseen code.

Known programs are judged by name and arguments (effects.py); programs that run others (env, xargs, find -exec, ...) by what
they run; code in an argument or from a pipe (sh -c, python -c, base64 | sh) is unseen. A program that is not known has no
consequence here: the sandbox holds it.

Input      a Command of command_line.
Output     consequences, and the commands that it would run in turn.
Guarantees never raises; an option of a running program that is not known makes it unseen, never harmless.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dspy_programs.shell.command_line import Command
from dspy_programs.shell.effects import Consequence, of_find, of_program
from dspy_programs.shell.programs import HARMLESS_VARIABLES, PLAIN_OPTIONS, RUNNERS, UNSEEN

_DEEPEST = 12  # programs that run programs


class Seen(NamedTuple):
    """One command, as deep as it could be read."""

    command: Command
    consequences: frozenset[Consequence]


def seen_in(command: Command, depth: int = 0) -> Iterator[Seen]:
    """Return a command and those that it runs in turn, each with its own consequences."""
    found: set[Consequence] = set()
    if depth > _DEEPEST:
        yield Seen(command, frozenset(["unread"]))
        return
    if any(not HARMLESS_VARIABLES.match(one) for one in command.assigned):
        found.add("unread")  # PATH, LD_PRELOAD, BASH_ENV, GIT_... decide what a program is
    name = _name_of(command)
    inner: list[str] | None = None
    if name is None:
        if command.words:
            found.add("unread")
    elif name in RUNNERS:
        inner = _run_by(name, command.words[1:])
        if inner is None:
            found.add("unread")
    elif name == "find":
        found |= of_find(command.words)
        for words in _executed(command.words):
            yield from seen_in(Command(words), depth + 1)
    else:
        found |= of_program(name, command)
    if name == "xargs" and inner is not None and not _takes_only_files(inner):
        found.add("unread")  # what comes from the pipe may be an option, an action or a program
    yield Seen(command, frozenset(found))
    if inner:
        yield from seen_in(Command(tuple(inner), fed=command.fed), depth + 1)


def _name_of(command: Command) -> str | None:
    """Return the program's own name; None if patterns or a home folder hide it."""
    if not command.words:
        return None
    first = command.words[0]
    if first != "[" and (not first or any(sign in first for sign in ("*", "?", "[", "~", "{}"))):
        return None
    name = first.rpartition("/")[2]
    return name if name in UNSEEN else name.casefold()


def _takes_only_files(words: Sequence[str]) -> bool:
    """Return whether further arguments of a program are but files to it, whatever they are."""
    name = words[0].rpartition("/")[2] if words else "echo"
    return name in (
        "rm",
        "cat",
        "wc",
        "ls",
        "grep",
        "head",
        "tail",
        "echo",
        "file",
        "stat",
        "basename",
        "dirname",
        "rmdir",
        "touch",
    )


def _executed(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Read the commands of find's -exec and its like."""
    for index, word in enumerate(words):
        if word in ("-exec", "-execdir", "-ok", "-okdir"):
            inner: list[str] = []
            for part in words[index + 1 :]:
                if part == ";" or (part == "+" and inner[-1:] == ["{}"]):
                    break
                inner.append(part)
            yield tuple(inner or ["eval"])


def _run_by(name: str, words: Sequence[str]) -> list[str] | None:
    """Return the command that a running program runs; [] for none, None if an option is not known."""
    rest = list(words)
    durations = 1 if name == "timeout" else 0
    while rest:
        word = rest[0]
        if name == "env" and "=" in word and not word.startswith("-"):
            if not HARMLESS_VARIABLES.match(word):
                return None
            rest.pop(0)
        elif word == "--":
            rest.pop(0)
        elif word in PLAIN_OPTIONS.get(name, ()):
            rest.pop(0)
        elif word in RUNNERS[name]:
            del rest[:2]
        elif name == "xargs" and re.fullmatch(r"-[nPL]\d+|-I\S+|-d\S+", word):
            rest.pop(0)
        elif name == "command" and word in ("-v", "-V"):
            return []
        elif word.startswith("-"):
            return None
        elif durations:
            durations = 0
            rest.pop(0)
        else:
            return rest
    return []
