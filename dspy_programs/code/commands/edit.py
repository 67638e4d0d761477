"""The command edit: a task in words becomes changes, which are shown, written, tested, put back."""

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
from dspy_programs.code.printing import print_diff, print_json

if TYPE_CHECKING:
    from dspy_programs.code.changing.editing import EditResult
    from dspy_programs.diffs import Change

_Folder = Annotated[Path, typer.Argument(metavar="[PATH]", help="The folder; nothing outside it is changed.")]
_PUT_BACK = "the edited files are as they were; what the test command changed in others is not put back"


def edit(
    task: Annotated[str, typer.Argument(help="What to do, in words.")],
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
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
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
        print_diff(done.diff)
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
