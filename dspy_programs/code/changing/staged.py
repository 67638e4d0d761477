"""What is staged in a repository, file by file: definitions that are new, gone, renamed or changed.

Guarantees git runs nothing that the repository configures; no file is imported.
Raises     UsageError where there is no repository, or nothing is staged.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from dspy_programs.code.files.source_files import LARGEST, text_in
from dspy_programs.code.parsing.chunks import parse
from dspy_programs.diffs import size_of
from dspy_programs.errors import UsageError
from dspy_programs.git import asker

_DIFF = ("diff", "--cached", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules", "-M")
_KINDS: Mapping[str, "Kind"] = {"A": "added", "D": "deleted", "R": "renamed", "C": "added", "T": "changed", "M": "changed"}

_Git = Callable[[Sequence[str]], bytes | None]
Kind = Literal["added", "deleted", "renamed", "changed"]


class StagedFile(NamedTuple):
    """A file of the next commit. before: its path in the last one; definitions by their dotted names."""

    path: str
    before: str
    kind: Kind
    added: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    changed: tuple[str, ...]
    lines: int
    """Added and taken away."""
    diff: bytes


def staged_files(folder: Path) -> list[StagedFile]:
    """Return the files of the next commit, those with most changed lines first."""
    git = asker(folder)
    if git(["rev-parse", "--is-inside-work-tree"]) is None:
        raise UsageError(f"{folder}: no git repository; git init makes one")
    files = [_staged(git, kind, before, path) for kind, before, path in _named(git)]
    if not files:
        raise UsageError("nothing is staged; git add what the commit should have")
    return sorted(files, key=lambda file: (-file.lines, file.path))


def _named(git: _Git) -> Iterator[tuple[Kind, str, str]]:
    """Yield the kind of each change, and the paths before and after it, from the top of the repository."""
    words = iter((git([*_DIFF, "--name-status", "-z"]) or b"").split(b"\0"))
    for status in words:
        if not status:
            continue
        kind = _KINDS.get(chr(status[0]), "changed")
        first = os.fsdecode(next(words, b""))
        yield kind, first, os.fsdecode(next(words, b"")) if status[:1] in (b"R", b"C") else first


def _staged(git: _Git, kind: Kind, before: str, path: str) -> StagedFile:
    top = [f":(top,literal){name}" for name in dict.fromkeys([before, path])]
    diff = git([*_DIFF, "--", *top]) or b""
    was = {} if kind == "added" else _definitions(git, f"HEAD:{before}", before)
    now = {} if kind == "deleted" else _definitions(git, f":0:{path}", path)
    gone, new = [name for name in was if name not in now], [name for name in now if name not in was]
    renamed = [(one, other) for one in gone for other in new if _body(was[one], one) == _body(now[other], other)]
    renamed = renamed if len({one for one, _ in renamed}) == len({other for _, other in renamed}) == len(renamed) else []
    moved = {name for pair in renamed for name in pair}
    changed = [name for name in was if name in now and was[name] != now[name]]
    return StagedFile(
        path,
        before,
        kind,
        tuple(name for name in _outermost(new) if name not in moved),
        tuple(name for name in _outermost(gone) if name not in moved),
        tuple(renamed),
        tuple(_innermost(changed)),
        sum(size_of(diff)),
        diff,
    )


def _definitions(git: _Git, blob: str, path: str) -> dict[str, str]:
    """Return the text of each definition in a version of a file; {} for what is no code, or too large to be."""
    data = git(["cat-file", "blob", blob])
    text = text_in(data) if data is not None and len(data) <= LARGEST else None
    if text is None:
        return {}
    lines = text.split("\n")
    held = [symbol for symbol in parse(text, path).symbols if not symbol.nested]
    return {symbol.name: "\n".join(lines[symbol.line - 1 : symbol.end_line]) for symbol in held}


def _body(text: str, name: str) -> str:
    """Return a definition without its own name."""
    return text.replace(name.rpartition(".")[2], "")


def _outermost(names: list[str]) -> list[str]:
    """Leave out what is inside another of them: a new class is said, its methods are not."""
    held = set(names)
    return [name for name in names if not any(name[:at] in held for at, sign in enumerate(name) if sign == ".")]


def _innermost(names: list[str]) -> list[str]:
    """Leave out what holds another of them: a changed method is said, its class is not."""
    return [name for name in names if not any(other.startswith(f"{name}.") for other in names)]
