"""What one program does by its name and arguments, as far as a person wants to be asked about it.

Input      a program's own name, and the Command.
Output     its consequences; none for a program that is not known: the sandbox holds it.
Guarantees never raises; what cannot be read in the arguments is unread, never harmless.
"""

import re
from collections.abc import Sequence
from typing import Literal

from dspy_programs.shell.command_line import Command
from dspy_programs.shell.programs import (
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
    RIGHTS,
    SED,
    SHELLS,
    SYSTEM,
    UNSEEN,
)

Consequence = Literal["unread", "deletes", "network", "commits", "rights", "system"]


def of_program(name: str, command: Command) -> set[Consequence]:
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


def of_find(words: Sequence[str]) -> set[Consequence]:
    found: set[Consequence] = set()
    if "-delete" in words:
        found.add("deletes")
    if any(word.startswith(("-fprint", "-fls", "-files0-from")) for word in words):
        found.add("unread")
    return found


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
