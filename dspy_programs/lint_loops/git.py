"""What git knows: which files it ignores, and which lines have changed.

Guarantees git runs nothing that a repository configures: no hooks, no monitor, no external diff. Where there is no git or no
           repository, nothing is ignored.
"""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from dspy_programs.errors import UsageError

_QUIET = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "-c", "core.quotePath=false")
_SECONDS = 60
_HUNK = re.compile(rb"@@ -\S+ \+(\d+)(?:,(\d+))? @@")
Lines = dict[Path, frozenset[int] | None]
"""Resolved file -> its changed lines from 1; None: all of them, because it is new."""


def ignored_below(folder: Path) -> frozenset[str]:
    """Return the files and folders below a folder that git ignores, relative to it; none if the folder itself is ignored."""
    if _git(folder, ["check-ignore", "--quiet", "."]) is not None:
        return frozenset()
    listed = _git(folder, ["ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"])
    return frozenset(os.fsdecode(name).rstrip("/") for name in (listed or b"").split(b"\0") if name)


def changed_lines(commit: str, folders: Sequence[Path]) -> Lines:
    """Return the lines that differ from a commit, untracked files included, in the repositories of some folders.

    Raises UsageError for what is no commit, and where there is no repository.
    """
    found: Lines = {}
    for top in {_top_of(folder) for folder in folders}:
        if _git(top, ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}"]) is None:
            raise UsageError(f"{commit}: not a commit of {top}; give one to compare with, such as HEAD or main")
        options = ["--unified=0", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--diff-filter=d"]
        prefixes = ["--src-prefix=a/", "--dst-prefix=b/"]
        patch = _git(top, ["diff", *options, *prefixes, "--ignore-submodules=all", commit, "--"])
        found.update(_in_patch(patch or b"", top))
        untracked = _git(top, ["ls-files", "-z", "--others", "--exclude-standard"]) or b""
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
    top = _git(folder, ["rev-parse", "--show-toplevel"])
    if top is None:
        raise UsageError(f"{folder}: not in a git repository, so there is no diff; leave --diff out")
    return Path(os.fsdecode(top.rstrip(b"\n")))


def _git(folder: Path, words: Sequence[str]) -> bytes | None:
    """Return what git prints, None where it fails."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", *_QUIET, *words], cwd=folder, env=environment, capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
