"""Which lines have changed since a commit."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from dspy_programs.errors import UsageError
from dspy_programs.git import git

_HUNK = re.compile(rb"@@ -\S+ \+(\d+)(?:,(\d+))? @@")
Lines = dict[Path, frozenset[int] | None]
"""Resolved file -> its changed lines from 1; None: all of them, because it is new."""


def changed_lines(commit: str, folders: Sequence[Path]) -> Lines:
    """Return the lines that differ from a commit, untracked files included, in the repositories of some folders.

    Raises UsageError for what is no commit, and where there is no repository.
    """
    found: Lines = {}
    for top in {_top_of(folder) for folder in folders}:
        if git(top, ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}"]) is None:
            raise UsageError(f"{commit}: not a commit of {top}; give one to compare with, such as HEAD or main")
        options = ["--unified=0", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--diff-filter=d"]
        prefixes = ["--src-prefix=a/", "--dst-prefix=b/"]
        patch = git(top, ["diff", *options, *prefixes, "--ignore-submodules=all", commit, "--"])
        if patch is None:
            raise UsageError(f"{top}: git cannot compare it with {commit}; see what `git diff {commit}` says there")
        found.update(_in_patch(patch, top))
        untracked = git(top, ["ls-files", "-z", "--others", "--exclude-standard"]) or b""
        found.update({(top / os.fsdecode(name)).resolve(): None for name in untracked.split(b"\0") if name})
    return found


def _in_patch(patch: bytes, top: Path) -> Lines:
    found: Lines = {}
    at: Path | None = None
    for line in patch.splitlines():
        if line.startswith(b"+++ "):
            name = line[4:].rstrip(b"\t")
            at = (top / _unquoted(name)[2:]).resolve() if name != b"/dev/null" else None
        elif at is not None and (hunk := _HUNK.match(line)):
            first, count = int(hunk[1]), int(hunk[2] or 1)
            found[at] = (found.get(at) or frozenset()) | frozenset(range(first, first + count))
    return found


def _unquoted(name: bytes) -> str:
    """Return a file's name; git quotes one with control characters as C does."""
    if name.startswith(b'"') and name.endswith(b'"'):
        name = name[1:-1].decode("unicode_escape").encode("latin-1")
    return os.fsdecode(name)


def _top_of(folder: Path) -> Path:
    top = git(folder, ["rev-parse", "--show-toplevel"])
    if top is None:
        raise UsageError(f"{folder}: not in a git repository, so there is no diff; leave --diff out")
    return Path(os.fsdecode(top.rstrip(b"\n")))
