"""Which programs lose data for good with which arguments, or open it to everyone.

Input      the words after the program's name.
Output     what is lost, in a few words; "" for nothing.
"""

import re
from collections.abc import Callable, Sequence

_EVERYTHING = frozenset(["/", "/*", "~", "~/", "~/*", ".", "./", "*", "..", "./*"])
_HARMLESS_TARGETS = ("/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "/tmp/")
_FOR_EVERYONE = re.compile(r"[0-7]?777|(?:[ugoa]*[ao][ugoa]*)?\+r?wx?|[ugo]*o[ugo]*\+\w*w\w*|a[+=]\w*w\w*")
_RUN_BY_GIT = re.compile(r"alias\.|core\.(?:pager|editor|sshcommand|fsmonitor|hooks)|.*!|clean\.requireforce", re.IGNORECASE)


_HISTORY = (("stash", "clear"), ("stash", "drop"), ("reflog", "expire"), ("reflog", "delete"))
_SYSTEM = re.compile(r"/(?!dev/null$)(?:etc|usr|s?bin|lib\w*|boot|dev|proc|sys|root)(?:/|$)")
_FOR_GOOD = {
    "docker": r"(?:\S+ )?prune\b|volume (?:rm|remove)\b",
    "podman": r"(?:\S+ )?prune\b|volume (?:rm|remove)\b",
    "kubectl": r"(?:-\S+ \S+ )*delete\b",
    "terraform": r"destroy\b",
    "crontab": r"-r\b",
    "truncate": r"",
    "rsync": r".*(?:^| )--(?:del|remove-source)",
    "tar": r".*(?:^| )--(?:checkpoint-action|to-command|use-compress-program)\b",
    **dict.fromkeys(("awk", "gawk", "mawk", "nawk"), r".*\bsystem\s*\("),
}
"""Arguments with which a program deletes for good, or runs what they name."""


def is_outside(path: str) -> bool:
    """Return whether a path is not below the folder that a command runs in."""
    return path.startswith(("/", "~")) and not path.startswith(_HARMLESS_TARGETS)


def _flags(words: Sequence[str]) -> tuple[set[str], list[str]]:
    """Return the short options as letters with the long ones as words, and what is no option."""
    flags: set[str] = set()
    rest: list[str] = []
    for index, word in enumerate(words):
        if word == "--":
            return flags, [*rest, *words[index + 1 :]]
        if word.startswith("--"):
            flags.add(word.partition("=")[0])
        elif word.startswith("-") and len(word) > 1:
            flags |= {*word[1:]}
        else:
            rest.append(word)
    return flags, rest


def _has(flags: set[str], letter: str, word: str) -> bool:
    """Return whether an option is given: by its letter, or by its word or the beginning of it."""
    return letter in flags or any(len(flag) > 3 and word.startswith(flag) for flag in flags)


def _of_rm(words: Sequence[str]) -> str:
    flags, rest = _flags(words)
    if _has(flags, "r", "--recursive") or "R" in flags:
        return "it deletes folders with all that is in them"
    return "it deletes all files here" if _EVERYTHING & {*rest} else ""


def _of_git(words: Sequence[str]) -> str:
    rest = list(words)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option in ("-C", "--git-dir", "--work-tree", "--namespace") and rest:
            rest.pop(0)
        elif option == "-c" and rest and _RUN_BY_GIT.match(rest.pop(0)):
            return "git runs what -c names"
    action, arguments = (rest[0], rest[1:]) if rest else ("", [])
    flags, others = _flags(arguments)
    forced = _has(flags, "f", "--force")
    lost = "it throws away changes that are not committed"
    if action == "reset" and _has(flags, "", "--hard"):
        return lost
    if action in ("checkout", "switch") and (forced or "." in others or "--discard-changes" in flags):
        return lost
    if action == "restore" and "." in others and not (_has(flags, "S", "--staged") and not _has(flags, "W", "--worktree")):
        return lost
    if action == "clean" and forced and not _has(flags, "n", "--dry-run"):
        return "it deletes files that git does not know"
    if action == "push" and (forced or "--mirror" in flags or any(word.startswith("+") for word in others)):
        return "it overwrites the history of the remote"
    if action == "push" and ({"d", "--delete"} & flags or any(word.startswith(":") for word in others)):
        return "it deletes what the remote has"
    if action == "branch" and ("D" in flags or (forced and _has(flags, "d", "--delete"))):
        return "it deletes commits that are nowhere else"
    if action == "rm" and forced and "r" in flags and "--cached" not in flags:
        return "it deletes folders with all that is in them"
    if (action, *others[:1]) in _HISTORY or action in ("filter-branch", "filter-repo"):
        return "it deletes history for good"
    return ""


def _of_dd(words: Sequence[str]) -> str:
    return "it copies over a disk or a file" if any(word.startswith(("if=", "of=")) for word in words) else ""


def _of_chmod(words: Sequence[str]) -> str:
    flags, rest = _flags(words)
    if not _has(flags, "R", "--recursive") or not rest:
        return ""
    is_wide = _FOR_EVERYONE.fullmatch(rest[0]) is not None or bool(_EVERYTHING & {*rest[1:]} & {"/", "/*", "~", "~/"})
    return "it changes the rights of whole folders for everyone" if is_wide else ""


def _of_chown(words: Sequence[str]) -> str:
    flags, rest = _flags(words)
    is_wide = _has(flags, "R", "--recursive") and any(word.startswith(("/", "~")) for word in rest[1:])
    return "it changes the owner of whole folders" if is_wide else ""


def _of_find(words: Sequence[str]) -> str:
    return "it deletes what it finds" if "-delete" in words else ""


def _of_tee(words: Sequence[str]) -> str:
    return next((f"it overwrites {word}" for word in words if is_outside(word)), "")


def _of_copying(words: Sequence[str]) -> str:
    _, named = _flags(words)
    target = named[-1] if len(named) > 1 else ""
    return f"it overwrites {target}" if _SYSTEM.match(target) else ""


def _for_good(pattern: str) -> Callable[[Sequence[str]], str]:
    wanted = re.compile(pattern, re.DOTALL)
    return lambda words: "it deletes for good, or runs what it is given" if wanted.match(" ".join(words)) else ""


def _of_windows(words: Sequence[str]) -> str:
    is_whole = any(word.casefold() in ("/s", "-recurse", "-r") for word in words)
    return "it deletes folders with all that is in them" if is_whole else ""


LOSSES: dict[str, Callable[[Sequence[str]], str]] = {
    "rm": _of_rm,
    "git": _of_git,
    "dd": _of_dd,
    "chmod": _of_chmod,
    "chown": _of_chown,
    "chgrp": _of_chown,
    "find": _of_find,
    "tee": _of_tee,
    **dict.fromkeys(("cp", "mv", "install", "ln"), _of_copying),
    **{name: _for_good(pattern) for name, pattern in _FOR_GOOD.items()},
    **dict.fromkeys(("rd", "rmdir", "del", "erase", "remove-item", "ri"), _of_windows),
}
