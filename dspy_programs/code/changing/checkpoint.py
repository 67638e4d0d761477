"""The files of a repository as they are, as a commit that only a ref of ours names.

Guarantees HEAD, branches, the index and what is staged stay as they are; no hook, filter or signing runs. Files that git does
           not track are left out, but for those named.
Output     the ref, such as refs/dspy-programs/checkpoints/20260301-090000-1f2e3d; "" where there is no repository.
"""

import contextlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from dspy_programs.git import git

_REFS = "refs/dspy-programs/checkpoints"
_AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "dspy-programs"), ("EMAIL", "dspy-programs@localhost"))
}
_AS_THEY_ARE = ("-c", "core.autocrlf=false", "-c", "core.safecrlf=false")


def keep_checkpoint(folder: Path, paths: Iterable[str], what: str) -> str:
    """Keep the tracked files below a folder, and those at some paths, as they are now."""
    held = git(folder, ["rev-parse", "--git-path", "index"])
    if held is None:
        return ""
    with tempfile.TemporaryDirectory(prefix="checkpoint-") as aside:
        index = {"GIT_INDEX_FILE": f"{aside}/index"}
        with contextlib.suppress(OSError):  # no index yet
            shutil.copy2(folder / os.fsdecode(held).removesuffix("\n"), f"{aside}/index")
        there = [path for path in paths if (folder / path).is_file()]
        if git(folder, [*_AS_THEY_ARE, "add", "--update", "--", "."], index) is None:
            return ""
        if there and git(folder, [*_AS_THEY_ARE, "update-index", "--add", "--", *there], index) is None:
            return ""
        tree = _line(git(folder, ["write-tree"], index))
    parent = _line(git(folder, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]))
    words = ["commit-tree", tree, *(["-p", parent] if parent else []), "-m", f"Before: {what}"]
    commit = _line(git(folder, words, _AUTHOR)) if tree else ""
    ref = f"{_REFS}/{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
    return ref if commit and git(folder, ["update-ref", ref, commit]) is not None else ""


def drop_checkpoint(folder: Path, ref: str) -> None:
    """Delete a ref of ours; git collects what nothing else names."""
    if ref.startswith(f"{_REFS}/"):
        git(folder, ["update-ref", "-d", ref])


def _line(printed: bytes | None) -> str:
    return os.fsdecode(printed or b"").strip()
