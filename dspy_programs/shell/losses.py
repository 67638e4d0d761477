"""Which programs lose data for good with which arguments, or open it to everyone.

Input      the words after the program's name.
Output     what is lost, in a few words; "" for nothing.
"""

import re
from collections.abc import Callable, Sequence

from dspy_programs.shell.argument_patterns import FOR_GOOD, OF_MACHINE

_LONGEST = 1_500  # characters of arguments that a pattern reads
_EVERYTHING = frozenset(["/", "/*", "~", "~/", "~/*", ".", "./", "*", "..", "./*"])
_HARMLESS_TARGETS = ("/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "/tmp/")
_FOR_EVERYONE = re.compile(r"0+|[0-7]?[0-7]{2}[2367]|(?:[ugoa]*[ao][ugoa]*)?\+r?wx?|[ugo]*o[ugo]*\+\w*w\w*|a[+=]\w*w\w*")
_RUN_BY_GIT = re.compile(r"alias\.|core\.(?:pager|editor|sshcommand|fsmonitor|hooks)|.*!|clean\.requireforce", re.IGNORECASE)


_SECRETS = re.compile(
    r"(?:~|/root|/home/\w+|\.)?/?(?:\.ssh/id_\w+|\.ssh/?$|\.aws/credentials|\.gnupg|\.netrc|\.env$)|/etc/shadow"
)
_DESTROYS = re.compile(
    r"(?:delete|destroy|terminate|purge|uninstall|deregister|remove|rb|undeploy|drop)(?:-\w[\w-]*)?|[\w-]+:(?:destroy|drop|reset|delete)"
)
DATABASES = frozenset("psql mysql mariadb sqlite3 mongo mongosh redis-cli cqlsh clickhouse-client duckdb sqlcmd".split())
_STATEMENT = re.compile(
    r"\b(?:drop\s+(?:database|table|schema|index|view|user|role|column|collection|keyspace)|truncate\s+\w|flush(?:all|db)\b|shutdown\b"
    r"|dropDatabase\s*\(|\.drop\s*\(|deleteMany\s*\(\s*\{\s*\}|delete\s+from\s+[\w.\"`]+\s*(?:;|$))",
    re.IGNORECASE,
)
"""What deletes in a database; a `delete from` without `where`."""
_HISTORY = (("stash", "clear"), ("stash", "drop"), ("reflog", "expire"), ("reflog", "delete"))
_SYSTEM = re.compile(r"/(?!dev/null$)(?:etc|usr|s?bin|lib\w*|boot|dev|proc|sys|root)(?:/|$)")


def is_outside(path: str) -> bool:
    """Return whether a path is not below the folder that a command runs in."""
    return path.startswith(("/", "~")) and not path.startswith(_HARMLESS_TARGETS)


def is_scratch(path: str) -> bool:
    """Return whether nothing is lost where a file is emptied."""
    return path.startswith(_HARMLESS_TARGETS) or path.startswith("__VALUE__")


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
    if any(_SYSTEM.match(word) or word.startswith(("~/.", "/home/")) for word in rest):
        return "it deletes files of the system, or settings"
    return "it deletes all files here" if _EVERYTHING & {*rest} or any(word.endswith("/*") for word in rest) else ""


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
    if action == "reset" and (_has(flags, "", "--hard") or "--merge" in flags):
        return lost
    if action == "submodule" and others[:1] == ["deinit"] and forced:
        return lost
    if action == "worktree" and others[:1] == ["remove"] and forced:
        return lost
    if action in ("checkout", "switch") and (forced or "." in others or "--discard-changes" in flags):
        return lost
    if action == "restore" and "." in others and not (_has(flags, "S", "--staged") and not _has(flags, "W", "--worktree")):
        return lost
    if action == "clean" and forced and not _has(flags, "n", "--dry-run"):
        return "it deletes files that git does not know"
    if action == "update-ref" and "d" in flags:
        return "it deletes commits that are nowhere else"
    if action in ("gc", "prune") and (
        (action == "prune" and not {"n", "--dry-run"} & flags) or any(word.startswith("--prune=") for word in arguments)
    ):
        return "it deletes history for good"
    if action == "push" and (forced or {"--mirror", "--prune"} & flags or any(word.startswith("+") for word in others)):
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
    if any(re.fullmatch(r"[ugoa]*\+[rwxXt]*s[rwxXt]*|[4-7][0-7]{3}", word) for word in words):
        return "it lets a program run with other rights"
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
    source, target = (named[0], named[-1]) if len(named) > 1 else ("", "")
    if source == "/dev/null":
        return f"it empties {target}"
    return f"it overwrites {target}" if _SYSTEM.match(target) or target.startswith("~/.") else ""


def _of_moving(words: Sequence[str]) -> str:
    return "it throws away what it moves" if words[-1:] and words[-1] == "/dev/null" else _of_copying(words)


def _of_service(words: Sequence[str]) -> str:
    """Find what deletes at a provider: a deed among the words that are no options."""
    deed = next((word for word in words if _DESTROYS.fullmatch(word.lstrip("-"))), "")
    is_whole = "rm" in words and bool({"-r", "-R", "--recursive"} & {*words})
    return (
        "it deletes what the service has" if (deed and not {"--dry-run", "--dryrun", "--help"} & {*words}) or is_whole else ""
    )


def deletes_in_database(text: str) -> str:
    """Return what a statement for a database loses; "" for nothing."""
    return "it deletes what is in the database" if _STATEMENT.search(text) else ""


def _of_database(words: Sequence[str]) -> str:
    return deletes_in_database(" ".join(words))


def has_secrets(words: Sequence[str]) -> bool:
    """Return whether a file with keys or passwords is among these."""
    return any(_SECRETS.search(word) for word in words)


def _of_sending(words: Sequence[str]) -> str:
    return "it sends keys or passwords away" if has_secrets(words) else ""


def _of_netcat(words: Sequence[str]) -> str:
    flags, _ = _flags(words)
    return "it gives a shell to the network" if {"e", "c", "--exec", "--sh-exec", "--lua-exec"} & flags else ""


def overwritten_in_place(words: Sequence[str]) -> str:
    """Return the file of the system that sed, perl or ruby would edit in place."""
    in_place = any(re.match(r"-[A-Za-z]*i|--in-place", word) for word in words)
    return next((word for word in words if _SYSTEM.match(word)), "") if in_place else ""


def _of_editing(words: Sequence[str]) -> str:
    target = overwritten_in_place(words)
    return f"it overwrites {target}" if target else _RUNS_IN_SED(words)


def _for_good(pattern: str, why: str = "it deletes for good, or runs what it is given") -> Callable[[Sequence[str]], str]:
    wanted = re.compile(pattern, re.DOTALL)

    def told(words: Sequence[str]) -> str:
        text = " ".join(words)
        return "it is too long to be read" if len(text) > _LONGEST else why if wanted.match(text) else ""

    return told


def _of_windows(words: Sequence[str]) -> str:
    is_whole = any(word.casefold() in ("/s", "-recurse", "-r") for word in words)
    return "it deletes folders with all that is in them" if is_whole else ""


_RUNS_IN_SED = _for_good(FOR_GOOD["sed"])


def _of_rsync(words: Sequence[str]) -> str:
    flags, _ = _flags(words)
    return _of_sending(words) or ("" if {"n", "--dry-run"} & flags else _for_good(FOR_GOOD["rsync"])(words))


LOSSES: dict[str, Callable[[Sequence[str]], str]] = {
    "rm": _of_rm,
    "git": _of_git,
    "dd": _of_dd,
    "chmod": _of_chmod,
    "chown": _of_chown,
    "chgrp": _of_chown,
    "find": _of_find,
    "tee": _of_tee,
    **dict.fromkeys(("cp", "install", "ln"), _of_copying),
    "mv": _of_moving,
    **{name: _for_good(pattern) for name, pattern in FOR_GOOD.items()},
    **{name: _for_good(pattern, "it changes the machine for everyone") for name, pattern in OF_MACHINE.items()},
    "rsync": _of_rsync,
    "sed": _of_editing,
    **dict.fromkeys(("nc", "ncat", "netcat"), _of_netcat),
    **dict.fromkeys(("scp", "sftp", "ftp"), _of_sending),
    **dict.fromkeys(
        "aws gcloud az gh glab helm kubectl oc terraform tofu pulumi vagrant doctl heroku fly flyctl vercel netlify firebase "
        "eksctl linode-cli wrangler supabase railway gsutil rails rake bq s3cmd mc rclone".split(),
        _of_service,
    ),
    **dict.fromkeys(DATABASES, _of_database),
    **dict.fromkeys(("rd", "rmdir", "del", "erase", "remove-item", "ri"), _of_windows),
}
