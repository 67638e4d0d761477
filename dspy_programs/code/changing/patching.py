"""Apply a unified diff to a folder, all of it or nothing, so that it can be undone."""

from pathlib import Path
from typing import NamedTuple

from dspy_programs.code.changing.folder import Folder
from dspy_programs.code.changing.writing import writing
from dspy_programs.diffs import Change
from dspy_programs.patches import patched


class Patched(NamedTuple):
    """What a patch has done. checkpoint: a ref of git, or ""."""

    changes: list[Change]
    checkpoint: str


def apply_patch(patch: bytes | str, folder: str | Path = ".", *, check: bool = False) -> Patched:
    """Apply a unified diff to a folder, all of it or nothing.

    Args:
        patch: The diff.
        folder: What its paths are relative to.
        check: Only find out whether it applies.

    Raises:
        UsageError: It does not apply, or names what may not be changed; nothing was changed.
        ToolError: A file cannot be written; nothing was changed.
    """
    given = patch.encode() if isinstance(patch, str) else patch
    held = Folder(folder)
    if check:
        changes = patched(given, held)
        held.require_writable(changes)
        return Patched(changes, "")
    with writing(held, "a patch") as writer:
        return Patched(writer.write(patched(given, held)), writer.checkpoint)
