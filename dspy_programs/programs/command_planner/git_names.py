"""What a task names for git: a message, a path, branches, a commit, a version, how many, whose, since when."""

import re
from typing import NamedTuple

from dspy_programs.text import SPELLED

_QUOTED = re.compile(r"\"([^\"\n]+)\"|(?<!\w)'([^'\n]+)'(?!\w)|`([^`\n]+)`")
_PATH = re.compile(r"(?<![\w/])(?:[\w.-]+/)*[\w-]+\.[A-Za-z]{1,5}\b|(?<![\w/])(?:[\w.-]+/)+[\w.-]*")
_HASH = re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{7,40}\b")
_VERSION = re.compile(r"\bv?\d+\.\d+(?:\.\d+)?(?:[-.]?(?:rc|a|b|alpha|beta)\.?\d*)?\b")
_BRANCH = re.compile(
    r"\bbranch (?:called |named )?(?!(?:called|named|\w+ly\b|name\b|and|for|to|from|is|with|that|of|in|on|by|into|onto|first|"
    r"again|name)\b)(\w[\w./-]*)"
    r"|\b(?:the |my |our )?((?:[^\W_]|\.){0,80}[/_-][\w./-]{1,120}|"
    r"main|master|develop|dev|trunk) branch\b|\bcall(?:ed)? it (\w[\w./-]*)|\bit(?:'s| is) (?:called|named) (\w[\w./-]*)|"
    r"\bbranch to (\w[\w./-]*)|\bto (?:the |my |our )?(\w[\w./-]*) branch\b"
)
_ONTO = re.compile(
    r"\b(?:onto|on top of|from|with|into|to|off|against|and|checkout|check out|on)\s+(?:the |latest |origin/|"
    r"upstream/)*(main|master|develop|dev|trunk)\b"
)
_COUNT = re.compile(
    r"\b(?:last|latest|past|previous|my) (\d+|two|three|four|five|six|seven|eight|nine|ten)\b"
    r"|\b(\d+|two|three|four|five|six|seven|eight|nine|ten) (?:last|latest|newest|most recent)\b"
)
_NOT_A_NAME = frozenset(
    "a an the previous last old first new my this that it current other wrong right feature remote local same".split()
)


class Names(NamedTuple):
    """What a task names."""

    message: str
    path: str
    branch: str
    onto: str
    commit: str
    version: str
    number: int
    with_diffs: bool
    author: str
    since: str


def names_in(task: str) -> Names:
    quoted = next((next(filter(None, groups)) for groups in _QUOTED.findall(task)), "")
    branch = next((name for groups in _BRANCH.findall(task) for name in groups if name and name.lower() not in _NOT_A_NAME), "")
    branch = branch.rstrip(".")
    if not branch and re.fullmatch(r"\w[\w./-]*", quoted) and "branch" in task.lower():
        branch = quoted
    path = next(
        (
            path
            for path in _PATH.findall(re.sub(r"\w+://\S+", " ", task))
            if not _VERSION.fullmatch(path) and path != branch and not path.startswith("origin/")
        ),
        "",
    )
    if not path and (folder := re.search(r"\b(?:only )?the ([\w.-]+) (?:folder|directory)\b", task)):
        path = f"{folder[1]}/"
    onto = _ONTO.search(task.lower())
    count = _COUNT.search(task.lower())
    said = (count[1] or count[2]) if count else "one"
    number = int(said) if said.isdigit() else SPELLED.index(said)
    commit, version = _HASH.search(task), _VERSION.search(task)
    author = re.search(r"\b(?:did|has|have) (?!we\b|i\b|you\b)(\w+) |\bcommits (?:by|of|from) (\w+)", task)
    since = re.search(r"\b(?:last|past|this) (day|week|month|year)\b", task.lower())
    return Names(
        quoted,
        path.rstrip("."),
        branch,
        onto[1] if onto else "",
        commit[0] if commit else "",
        version[0] if version else "",
        number,
        author=author[1] or author[2] if author else "",
        since=f' --since="1 {since[1]} ago"' if since else "",
        with_diffs=re.search(r"\bdiffs?\b|\bpatch(?:es)?\b", task.lower()) is not None,
    )
