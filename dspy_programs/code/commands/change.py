"""Commands that change code: edit, patch, diff, undo."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dspy_programs.cli import (
    GATE_CLOSED,
    ApiBaseOption,
    ApiKeyOption,
    NoCacheOption,
    NoLlmOption,
    ToolLmOption,
)
from dspy_programs.code.printing import print_json, say

if TYPE_CHECKING:
    from dspy_programs.code.changing.editing import EditResult
    from dspy_programs.diffs import Change

_Folder = Annotated[Path, typer.Argument(metavar="[PATH]", help="The folder; nothing outside it is changed.")]
_Task = Annotated[str, typer.Argument(help="What to do, in words.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_PUT_BACK = "the edited files are as they were; what the test command changed in others is not put back"


def edit(
    task: _Task,
    path: _Folder = Path("."),
    file: Annotated[
        list[Path] | None,
        typer.Option("--file", "-f", help="A file to edit; repeatable. Default: those that the task is about."),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write the changes. Without it they are only shown.")] = False,
    test_cmd: Annotated[
        str | None, typer.Option(help="With --apply: a command that must pass, run in a sandbox. It may write in the folder.")
    ] = None,
    test_seconds: Annotated[float, typer.Option(min=1, help="Stop the test command after this many seconds.")] = 180.0,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the changes even if the tests fail.")] = False,
    lm: ToolLmOption = None,
    no_llm: NoLlmOption = False,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    no_cache: NoCacheOption = False,
    as_json: _Json = False,
) -> None:
    """Do a task in the code of a folder: show the changes as a diff; with --apply write and test them.

    If the tests fail, the edit is repaired once from their output; if they still fail, it is put back. What the test command
    itself writes or deletes in the folder is not. Exits with 1 then, and if there are no edits that fit.
    """
    from dspy_programs.code import edit as do
    from dspy_programs.errors import UsageError
    from dspy_programs.lm import using

    if not path.exists():
        raise UsageError(f"{path}: no folder; name one, and put a task of several words in quotes")
    if test_cmd and not apply:
        raise UsageError("--test-cmd tests what is written; add --apply")
    with using(None if no_llm else lm, api_base, api_key, no_cache):
        done = do(
            task,
            path,
            files=[_inside(path, each) for each in file or ()],
            apply=apply,
            test_cmd=test_cmd or "",
            test_seconds=test_seconds,
            keep=keep,
        )
    if as_json:
        print_json(_plain(done))
    else:
        _print_diff(done.diff)
        for line in _told(done):
            print(line, file=sys.stderr)
    if not done.succeeded:
        raise typer.Exit(GATE_CLOSED)


def _inside(folder: Path, file: Path) -> str:
    """Return a file as the folder names it: it may be named from there, or from here."""
    if (folder / file).exists() or not file.exists():
        return str(file)
    here = file.absolute()
    return str(here.relative_to(folder.resolve())) if here.is_relative_to(folder.resolve()) else str(file)


def _told(done: "EditResult") -> list[str]:
    """Say in lines what was done."""
    from dspy_programs.text import printable

    if done.failure:
        return [printable(f"{done.failure}; nothing was changed")]
    lines = [f"by {'a model' if done.answered_by == 'model' else 'rules'}: {_counted(done.changes, done.diff)}"]
    lines += [printable(" ".join(done.why.split()))] if done.why else []
    for number, result in enumerate(done.tests):
        how = f"stopped: {result.stopped}" if result.stopped else f"exit code {result.exit_code}"
        said = "passed" if result.passed else f"failed ({how})"
        lines.append(f"tests {said}{' after the repair' if number else ''}; {result.seconds:.1f} s")
    if not done.succeeded:
        lines.append(printable(done.tests[-1].output))
    lines += [printable(f"{path}: left as it is: {why}") for path, why in done.left.items()]
    if done.applied:
        lines.append("written; dspy-programs code undo puts it back")
    elif not done.left:
        lines.append(_PUT_BACK if done.tests else "nothing was written; --apply does it")
    return lines


def _counted(changes: "Sequence[Change]", diff: bytes) -> str:
    from dspy_programs.diffs import size_of
    from dspy_programs.text import quantity

    added, taken = size_of(diff)
    return f"{quantity(len(changes), 'file')}, {quantity(added, 'line')} added, {taken:,} taken away"


def _plain(done: "EditResult") -> dict[str, Any]:
    return {
        "answered_by": done.answered_by,
        "why": done.why,
        "failure": done.failure,
        "files": [{"path": change.path, "kind": change.kind} for change in done.changes],
        "diff": done.diff.decode("utf-8", "replace"),
        "applied": done.applied,
        "tests": [result._asdict() for result in done.tests],
        "left": dict(done.left),
        "checkpoint": done.checkpoint,
    }


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
    _print_diff(diff_of(changes))
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


def _print_diff(diff: bytes) -> None:
    """Print a diff: to a file or a pipe byte by byte, to a terminal so that it steers nothing."""
    if sys.stdout.isatty():
        say(diff.decode("utf-8", "replace").rstrip("\n"))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(diff)
    sys.stdout.flush()
