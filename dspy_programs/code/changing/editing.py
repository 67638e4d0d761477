"""Do a task in a folder: find the files, let an editor write exact replacements, check them, write them, test them.

Guarantees nothing is written unless `apply` says so. Edits that do not fit exactly change nothing. If the tests fail, and fail
           again after the one repair from their output, the edit is put back; also if the process is interrupted meanwhile.
           What the tests themselves write or delete in the folder is not.
Calls      a language model if one is in use and the task does not spell the edit out.
Raises     UsageError for a file that may not be changed or has changed meanwhile in the same place, and if a model is needed
           and none is in use; the folder is as it was.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from dspy_programs.code.changing.folder import Folder
from dspy_programs.code.changing.proposing import By, Editor, Proposal, Proposer
from dspy_programs.code.changing.testing import SECONDS, Tested, require_sandbox
from dspy_programs.code.changing.trying import Trial
from dspy_programs.code.changing.writing import Writer, writing
from dspy_programs.code.index.index import Index
from dspy_programs.diffs import Change, diff_of
from dspy_programs.errors import ProgramsError, UsageError


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
        test_cmd: A shell command that is run in the sandbox after that; before it too, to show the editor how it fails.
        test_seconds: When it is stopped.
        keep: Leave the changes even if the tests fail.

    Raises:
        UsageError: Nothing can be edited, or nothing can be written; the folder is as it was.
        ToolError: A file cannot be written; the folder is as it was.
    """
    if not task.strip():
        raise UsageError("the task is empty; say what to change")
    if not _is_text(task):
        raise UsageError(f"{task!r:.80}: no text; write the task in UTF-8")
    if test_cmd:
        require_sandbox()
    work = Proposer(task, Folder(folder), editor, index)
    if apply and test_cmd:
        with writing(work.folder, task) as writer, _put_back_if_interrupted(writer, keep):
            return _tested(work, files, writer, Trial(writer, test_cmd, test_seconds), keep)
    found = _result(work.proposed(files))
    if found.failure or not apply:
        return found
    with writing(work.folder, task) as writer:
        return replace(found, changes=writer.write(found.changes), applied=True, checkpoint=writer.checkpoint)


def _is_text(task: str) -> bool:
    """Return whether a task can be written: bytes of the command line that are no UTF-8 cannot."""
    return task.encode(errors="ignore").decode() == task


def _result(found: Proposal) -> EditResult:
    return EditResult(found.changes, found.answered_by, found.why, found.failure)


def _tested(work: Proposer, files: Sequence[str], writer: Writer, trial: Trial, keep: bool) -> EditResult:
    """Write what is proposed and run the tests, once more after a repair; put all back if they fail."""
    done = _result(work.proposed(files, trial))
    if not done.failure:
        changes = writer.write(done.changes)
        done = replace(done, changes=changes, applied=True, tests=[trial.run()])
        said = trial.feedback(done.tests[0])
        if said and (repair := work.repaired(changes, said, trial)):
            done = replace(done, changes=_joined(changes, writer.write(repair)), tests=[*done.tests, trial.run()])
    if done.succeeded or (keep and not done.failure):
        return replace(done, checkpoint=writer.checkpoint)
    return replace(done, left=writer.put_back(), applied=False)


def _joined(first: Sequence[Change], second: Sequence[Change]) -> list[Change]:
    """Return two rounds of changes as one."""
    before = {change.path: change.before for change in [*second, *first]}  # the first round's count
    after = {change.path: change.after for change in [*first, *second]}
    return [Change(path, before[path], after[path]) for path in after]


@contextmanager
def _put_back_if_interrupted(writer: Writer, keep: bool) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        left = {} if keep else writer.put_back()
        if left and isinstance(error, ProgramsError):  # the tests may have deleted a file, or made a link of it
            said = ", ".join(f"{path} ({why})" for path, why in left.items())
            raise UsageError(f"{error}; not put back: {said}; dspy-programs code undo --force does what can be done") from None
        raise
