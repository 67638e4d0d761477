"""Commands for changes that are made already: patch, diff, undo."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from dspy_programs.cli import GATE_CLOSED
from dspy_programs.code.printing import print_diff, print_json, say

_Folder = Annotated[Path, typer.Argument(metavar="[PATH]", help="The folder; nothing outside it is changed.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def patch(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A unified diff, or - for standard input.")],
    path: _Folder = Path("."),
    check: Annotated[bool, typer.Option("--check", help="Only say whether it applies.")] = False,
    as_json: _Json = False,
) -> None:
    """Apply a unified diff, git's own or a plain one: all of it or nothing."""
    from dspy_programs.code import apply_patch

    done = apply_patch(_read(file), path, check=check)
    if as_json:
        files = [{"path": change.path, "kind": change.kind} for change in done.changes]
        print_json({"files": files, "applied": not check, "checkpoint": done.checkpoint})
        return
    for change in done.changes:
        say(f"{change.path}: {change.kind}")
    end = "applies; nothing was written" if check else "written; dspy-programs code undo puts it back"
    print(end if done.changes else "all of it is there already", file=sys.stderr)


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A file.")],
    new: Annotated[Path, typer.Option("--new", help="A file with the new text, or - for standard input.")],
) -> None:
    """Print how a file would change, as a unified diff that `patch` applies."""
    from dspy_programs.diffs import Change, File, diff_of
    from dspy_programs.errors import UsageError

    if old.is_absolute() or ".." in old.parts:
        raise UsageError(f"{old}: name a file below this folder, so that the diff applies here")
    before, after = _read(old), _read(new)
    changes = [Change(old.as_posix(), File(before), File(after))]
    print_diff(diff_of(changes))
    if before == after:
        print("no difference", file=sys.stderr)


def undo(
    path: _Folder = Path("."),
    force: Annotated[bool, typer.Option("--force", help="Also restore files that have changed since.")] = False,
    as_json: _Json = False,
) -> None:
    """Restore the files that the last edit, patch or run changed; run it again to go one further back.

    A file that has changed since, or cannot be restored, stays as it is, and the exit code is 1.
    """
    from dspy_programs.code import undo as put_back
    from dspy_programs.code.changing.journal import shown_task
    from dspy_programs.code.changing.writing import CHANGED_SINCE

    done = put_back(path, force=force)
    if as_json:
        print_json(done._asdict())
    else:
        if done.was_killed:
            nothing = "" if done.back or done.left else " before it changed a file; undo again for the change before"
            print(f"killed under way{nothing}: {shown_task(done.what)}", file=sys.stderr)
        for each in done.back:
            say(f"{each}: as it was before {shown_task(done.what)}")
        for each, why in done.left.items():
            hint = "; --force puts it back anyway" if why == CHANGED_SINCE else ""
            say(f"{each}: left as it is: {why}{hint}")
    if done.left:
        raise typer.Exit(GATE_CLOSED)


def _read(file: Path) -> bytes:
    from dspy_programs.errors import UsageError

    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None
