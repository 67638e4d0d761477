"""What a command would do that a person wants to be asked about: delete, reach the network, gain rights, run unseen code.

Known programs are judged by name and arguments; programs that run others (env, xargs, find -exec, ...) by what they run; code
in an argument or from a pipe (sh -c, python -c, base64 | sh) is unseen. A program that is not known has no consequence here:
the sandbox holds it.

Input      a Command of command_line.
Output     consequences, and the commands that it would run in turn.
Guarantees never raises; an option of a running program that is not known makes it unseen, never harmless.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from dspy_programs.agent.permissions.command_line import Command
from dspy_programs.agent.permissions.programs import (
    CODE,
    DELETES,
    GIT_COMMITS,
    GIT_DELETES,
    GIT_NETWORK,
    GIT_READS,
    GIT_REST,
    HARMLESS_VARIABLES,
    INTERPRETERS,
    NETWORK,
    PLAIN_OPTIONS,
    RIGHTS,
    RUNNERS,
    SED,
    SHELLS,
    SYSTEM,
    UNSEEN,
)

Consequence = Literal["unread", "deletes", "network", "commits", "rights", "system"]


class Seen(NamedTuple):
    """One command, as deep as it could be read."""

    command: Command
    consequences: frozenset[Consequence]


def seen_in(command: Command) -> Iterator[Seen]:
    """Return a command and those that it runs in turn, each with its own consequences."""
    found: set[Consequence] = set()
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
        found |= _of_find(command.words)
        for words in _executed(command.words):
            yield from seen_in(Command(words))
    else:
        found |= _of_program(name, command)
    if name == "xargs" and inner is not None and not _takes_only_files(inner):
        found.add("unread")  # what comes from the pipe may be an option, an action or a program
    yield Seen(command, frozenset(found))
    if inner:
        yield from seen_in(Command(tuple(inner), fed=command.fed))


def _name_of(command: Command) -> str | None:
    """Return the program's own name; None if patterns or a home folder hide it."""
    if not command.words:
        return None
    first = command.words[0]
    if first != "[" and (not first or any(sign in first for sign in ("*", "?", "[", "~", "{}"))):
        return None
    name = first.rpartition("/")[2]
    return name if name in UNSEEN else name.casefold()


def _of_program(name: str, command: Command) -> set[Consequence]:
    words = command.words[1:]
    found: set[Consequence] = set()
    for consequence, names in (("deletes", DELETES), ("network", NETWORK), ("rights", RIGHTS), ("system", SYSTEM)):
        if name in names or name.partition(".")[0] in names:
            found.add(consequence)  # type: ignore[arg-type]
    if name in UNSEEN or (name in SHELLS and not _is_script(words)):
        found.add("unread")
    elif INTERPRETERS.match(name):
        found |= _of_interpreter(words)
    elif name == "git":
        found |= _of_git(words)
    elif name == "export" and any(not HARMLESS_VARIABLES.match(word) for word in words if "=" in word):
        found.add("unread")
    elif name in ("awk", "gawk", "mawk", "nawk") and (
        any(word.startswith("-") and word[:2] not in ("-F", "-v") for word in words)
        or re.search(r"system|getline|[|>@]", " ".join(words))
    ):
        found.add("unread")
    elif name == "sed" and not _is_plain_sed(words):
        found.add("unread")
    elif name in ("tar", "bsdtar", "zip", "sort", "split", "make", "gmake", "ninja") and any(map(_runs_another, words)):
        found.add("unread")
    elif name in ("chmod",) and any(re.match(r"[ugoa]*\+[a-z]*s|[4-7]\d{3}$", word) for word in words):
        found.add("rights")
    elif name in ("mv", "cp", "ln", "install") and "/dev/null" in words:
        found.add("deletes")
    return found


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


def _is_script(words: Sequence[str]) -> bool:
    """Return whether a shell is given a file to run, and nothing else to run before."""
    return bool(words) and not words[0].startswith(("-", "+")) and not words[0].startswith("/dev/")


def _of_interpreter(words: Sequence[str]) -> set[Consequence]:
    for index, word in enumerate(words):
        if word == "-m":
            module = words[index + 1] if index + 1 < len(words) else ""
            return {"network"} if module in ("pip", "http.server", "ensurepip") else set()
        if word == "-" or word.startswith("/dev/") or CODE.match(word):
            return {"unread"}
        if not word.startswith("-"):
            return set()  # a file, or a module: what it does the sandbox holds
        if word in ("--version", "-V", "-v", "--help", "-h"):
            return set()
    return {"unread"}  # code from a pipe


def _of_git(words: Sequence[str]) -> set[Consequence]:
    rest = list(words)
    while rest and rest[0].startswith("-"):
        if rest[0] not in ("--no-pager", "-P", "--version"):
            return {"unread"}  # -c and --exec-path name programs
        if rest.pop(0) == "--version":
            return set()
    action, arguments = (rest[0], rest[1:]) if rest else ("help", [])
    if action == "branch" and any(re.match(r"-[dDfMC]|--delete|--force|--move", word) for word in arguments):
        return {"deletes"}
    if action in ("checkout", "switch") and any(word in ("--", ".", "-f", "--force", "-B", "-C") for word in arguments):
        return {"deletes"}
    if action == "reset" and not any(word.startswith("--h") or word in ("--merge", "--keep") for word in arguments):
        return set()
    if any(
        word.startswith(("--ext-diff", "--textconv", "--open-files", "-O", "--upload-pack", "--output")) for word in arguments
    ):
        return {"unread"}
    if action in GIT_READS | GIT_REST:
        return set()
    table: tuple[tuple[set[str], Consequence], ...]
    table = ((GIT_DELETES, "deletes"), (GIT_NETWORK, "network"), (GIT_COMMITS, "commits"))
    return next(({consequence} for actions, consequence in table if action in actions), {"unread"})  # an alias, or config


def _of_find(words: Sequence[str]) -> set[Consequence]:
    found: set[Consequence] = set()
    if "-delete" in words:
        found.add("deletes")
    if any(word.startswith(("-fprint", "-fls", "-files0-from")) for word in words):
        found.add("unread")
    return found


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


def _is_plain_sed(words: Sequence[str]) -> bool:
    """Return whether sed is only to substitute, print or delete lines: other scripts can run and write."""
    scripts, expected, files = [], False, 0
    for word in words:
        if expected:
            scripts.append(word)
            expected = False
        elif word in ("-e", "--expression"):
            expected = True
        elif word.startswith("-"):
            if not re.fullmatch(r"-[nErsz]*i?(?:\.\w+)?|--(?:quiet|silent|regexp-extended|in-place|posix|separate)", word):
                return False
        else:
            files += 1
            if files == 1 and not scripts:
                scripts.append(word)
    return not expected and all(SED.fullmatch(script) for script in scripts)


def _runs_another(word: str) -> bool:
    options = (
        "--to-command",
        "--checkpoint-action",
        "--use-compress-program",
        "--rsh-command",
        "--compress-program",
        "--filter",
    )
    return word.startswith((*options, "-I", "-TT", "--unzip-command", "SHELL=", "--eval", "-f/dev", "MAKEFLAGS="))
