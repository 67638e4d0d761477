"""What commits changed: each file before and after, and the definitions that differ.

Guarantees as for `git`: no converter, external diff or signature check runs. Files made for secrets, lock files, generated and
           large ones are not among the changes, nor are binaries.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from dspy_programs.code.files.secret_files import has_secret_name, is_private_key
from dspy_programs.code.files.source_files import LOCKS, has_binary_name, is_generated
from dspy_programs.code.history.commits import Commit
from dspy_programs.code.parsing.chunks import symbols_in
from dspy_programs.code.parsing.languages import language_of
from dspy_programs.code.parsing.symbol import Symbol
from dspy_programs.git import git

_AT_ONCE = 25  # commits of one call of git
_LARGEST = 200_000  # characters of a file
_SHOW = (
    *(
        "show",
        "--no-show-signature",
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
        "--no-renames",
        "--relative",
        "--first-parent",
    ),
    *("--unified=1000000", "--src-prefix=a/", "--dst-prefix=b/", "--submodule=short", "--format=%x01%H"),
)
_TEST = re.compile(
    r"(?:^|/)(?:tests?|specs?|__tests__|testing)/|(?:^|/)(?:test_[^/]*|[^/]*(?:_test|_spec|\.test|\.spec|Tests?))\.\w+$"
)


class CommitChange(NamedTuple):
    """A file that a commit changed. before: None if it is new; after: None if it is gone; added, removed: lines, from 1."""

    path: str
    before: str | None
    after: str | None
    added: tuple[int, ...]
    removed: tuple[int, ...]

    @property
    def is_test(self) -> bool:
        return is_test(self.path)


def is_test(path: str) -> bool:
    """Return whether a file is one of tests, by its name or a folder's."""
    return _TEST.search(path) is not None


def changes_of(folder: Path, commits: Sequence[Commit]) -> Iterator[tuple[Commit, list[CommitChange]]]:
    """Yield each commit with its changes, in the order of the commits."""
    for start in range(0, len(commits), _AT_ONCE):
        batch = commits[start : start + _AT_ONCE]
        printed = git(folder, [*_SHOW, *(commit.id for commit in batch), "--"]) or b""
        texts = {part[:64].partition("\n")[0]: part for part in printed.decode("utf-8", "replace").split("\x01")[1:]}
        for commit in batch:
            yield commit, list(_changes(texts.get(commit.id, "")))


def _changes(text: str) -> Iterator[CommitChange]:
    for part in re.split(r"^diff --git ", text, flags=re.M)[1:]:
        lines = part.split("\n")
        names = [line[4:].rstrip("\t") for line in lines[:8] if line.startswith(("--- ", "+++ "))][:2]
        if len(names) != 2 or not any(line.startswith("@@ ") for line in lines[:9]):
            continue  # a binary, an empty file, or another mode
        path = next((name[2:] for name in reversed(names) if name != "/dev/null"), "")
        if names[1].startswith('"') or names[0].startswith('"') or not _is_code(path):
            continue
        change = _read(path, names, lines)
        if all(text is None or _is_readable(text) for text in (change.before, change.after)):
            yield change


def _read(path: str, names: Sequence[str], lines: Sequence[str]) -> CommitChange:
    """Read both sides of a file from a diff that has all of its lines."""
    before, after, added, removed = list[str](), list[str](), list[int](), list[int]()
    first = next(number for number, line in enumerate(lines) if line.startswith("@@ "))
    for line in lines[first + 1 :]:
        sign, content = line[:1], line[1:]
        if sign in (" ", "-"):
            before.append(content)
        if sign in (" ", "+"):
            after.append(content)
        if sign == "-":
            removed.append(len(before))
        if sign == "+":
            added.append(len(after))
    sides = ["\n".join(side) + "\n" if name != "/dev/null" else None for name, side in zip(names, (before, after), strict=True)]
    return CommitChange(path, sides[0], sides[1], tuple(added), tuple(removed))


def _is_code(path: str) -> bool:
    name = PurePosixPath(path).name
    return not (has_binary_name(name) or has_secret_name(name) or name.lower() in LOCKS)


def _is_readable(text: str) -> bool:
    return len(text) <= _LARGEST and "\0" not in text and not is_generated(text) and not is_private_key(text)


def touched(change: CommitChange) -> list[Symbol]:
    """Return the definitions of the file, as it is after the change, in which lines differ; the innermost of each line."""
    language = language_of(change.path, change.after or "")
    symbols = (symbols_in(change.after, language) or []) if change.after and language else []
    return _around(symbols, change.added)


def _around(symbols: Iterable[Symbol], lines: Iterable[int]) -> list[Symbol]:
    held = [symbol for symbol in symbols if not symbol.nested]
    found = dict[Symbol, None]()
    for line in lines:
        inside = [symbol for symbol in held if symbol.line <= line <= symbol.end_line]
        if inside:
            found[max(inside, key=lambda symbol: symbol.line)] = None
    return list(found)
