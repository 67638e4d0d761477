"""Do a task in a folder: find the files, let an editor write exact replacements, check them, write them, test them.

Guarantees nothing is written unless `apply` says so. Edits that do not fit exactly change nothing. If the tests fail, and fail
           again after the one repair from their output, all files are put back; also if the process is interrupted meanwhile.
Calls      a language model if one is in use and the task does not spell the edit out.
Raises     UsageError for a file that may not be changed or has changed meanwhile in the same place, and if a model is needed
           and none is in use; the folder is as it was.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from dspy_programs.code.changing.folder import Folder
from dspy_programs.code.changing.proposing import By, Editor, Proposer
from dspy_programs.code.changing.testing import SECONDS, Tested, require_sandbox, tested
from dspy_programs.code.changing.writing import Writer, writing
from dspy_programs.code.index import Index
from dspy_programs.diffs import Change, diff_of
from dspy_programs.errors import UsageError


@dataclass(frozen=True)
class EditResult:
    """What was edited, or would be."""

    changes: list[Change]
    """Each file as it was, and as the edits make it."""
    answered_by: By
    why: str = ""
    """What the editor says of it."""
    failure: str = ""
    """Why there are no edits."""
    applied: bool = False
    """Whether the folder has the changes now."""
    tests: list[Tested] = field(default_factory=list)
    """How the tests ended: once, or twice if the first round was repaired."""
    left: Mapping[str, str] = field(default_factory=dict)
    """Files that could not be put back, and why."""
    checkpoint: str = ""
    """A ref of git with the files as they were, where there is a repository."""

    @property
    def diff(self) -> bytes:
        """The changes as a unified diff."""
        return diff_of(self.changes)

    @property
    def succeeded(self) -> bool:
        return not self.failure and (not self.tests or self.tests[-1].passed)


def edit(
    task: str,
    folder: str | Path = ".",
    *,
    files: Sequence[str] = (),
    editor: Editor | None = None,
    index: Index | None = None,
    apply: bool = False,
    test_cmd: str = "",
    test_seconds: float = SECONDS,
    keep: bool = False,
) -> EditResult:
    """Do a task in the code of a folder.

    Args:
        task: What to do, in words.
        folder: The only folder that is changed.
        files: What to edit, relative to the folder; by default what a search finds.
        editor: What writes the edits; by default the program code_editor on the model in use, or its rules without one.
        index: Of the folder, up to date; by default the user's own.
        apply: Write the changes; otherwise they are only returned.
        test_cmd: A shell command that is run in the sandbox after that.
        test_seconds: When it is stopped.
        keep: Leave the changes even if the tests fail.

    Raises:
        UsageError: Nothing can be edited, or nothing can be written; the folder is as it was.
        ToolError: A file cannot be written; the folder is as it was.
    """
    if not task.strip():
        raise UsageError("the task is empty; say what to change")
    if test_cmd:
        require_sandbox()
    work = Proposer(task, Folder(folder), editor, index)
    found = work.proposed(files)
    first = EditResult(found.changes, found.answered_by, found.why, found.failure)
    if first.failure or not apply:
        return first
    with writing(work.folder, task) as writer, _put_back_if_interrupted(writer, keep):
        done = replace(first, changes=writer.write(first.changes), applied=True, checkpoint=writer.checkpoint)
        if test_cmd:
            done = _tested(done, work, writer, test_cmd, test_seconds)
            if not done.succeeded and not keep:
                done = replace(done, left=writer.put_back(), applied=False, checkpoint="")
    return done


def _tested(done: EditResult, work: Proposer, writer: Writer, command: str, seconds: float) -> EditResult:
    """Run the tests, and once more after a repair from their output."""
    result = tested(command, work.folder.workspace, seconds)
    done = replace(done, tests=[result])
    if result.passed:
        return done
    repair = work.repaired(done.changes, f"$ {command}\n{result.output}\n{_ended(result)}")
    if not repair:
        return done
    written = writer.write(repair)
    before = {change.path: change.before for change in [*written, *done.changes]}  # the first write's count
    after = {change.path: change.after for change in [*done.changes, *written]}
    both = [Change(path, before[path], after[path]) for path in after]
    return replace(done, changes=both, tests=[result, tested(command, work.folder.workspace, seconds)])


def _ended(result: Tested) -> str:
    return f"stopped: {result.stopped}" if result.stopped else f"exit code {result.exit_code}"


@contextmanager
def _put_back_if_interrupted(writer: Writer, keep: bool) -> Iterator[None]:
    try:
        yield
    except BaseException:
        if not keep:
            writer.put_back()
        raise
