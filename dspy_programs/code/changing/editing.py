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
from typing import Literal, Protocol

from dspy_programs.code.changing.choosing import chosen, mentioning, shown_of
from dspy_programs.code.changing.folder import Folder
from dspy_programs.code.changing.testing import SECONDS, Tested, require_sandbox, tested
from dspy_programs.code.changing.writing import Writer, writing
from dspy_programs.code.index import Index
from dspy_programs.diffs import Change, File, diff_of, has_crlf, text_in
from dspy_programs.edits import Edit, apply_edits, fitted
from dspy_programs.errors import UsageError
from dspy_programs.model_in_use import model_in_use

By = Literal["model", "rules"]


class Edits(Protocol):
    """What an editor answers; CodeEditorResult is one."""

    edits: list[Edit]
    answered_by: By


class Editor(Protocol):
    """What writes the edits: the program code_editor, or a function of the same form."""

    def __call__(self, task: str, code: Mapping[str, str], feedback: str = "") -> Edits: ...


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
    work = _Work(task, Folder(folder), editor, index)
    first = work.proposed(files)
    if first.failure or not apply:
        return first
    with writing(work.folder, task) as writer, _put_back_if_interrupted(writer, keep):
        done = replace(first, changes=writer.write(first.changes), applied=True, checkpoint=writer.checkpoint)
        if test_cmd:
            done = _tested(done, work, writer, test_cmd, test_seconds)
            if not done.succeeded and not keep:
                done = replace(done, left=writer.put_back(), applied=False, checkpoint="")
    return done


def _tested(done: EditResult, work: "_Work", writer: Writer, command: str, seconds: float) -> EditResult:
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


@dataclass
class _Work:
    """One task: who edits, and what was read."""

    task: str
    folder: Folder
    editor: Editor | None
    index: Index | None
    read: dict[str, File] = field(default_factory=dict)
    """The files as they were when the editor was shown them."""

    def proposed(self, files: Sequence[str]) -> EditResult:
        """Ask for edits. Raises UsageError."""
        paths = [self.folder.checked(path) for path in files]
        if self.editor is None:
            spelled = self._texts(paths) if paths else self._texts(mentioning(self.task, self.folder.root))
            answer = self._rules(spelled)
            if answer.edits:
                return self._result(answer, spelled)
            if model_in_use() is None:
                raise UsageError(
                    "the task does not spell the edit out, so a model is needed: name one with --lm, "
                    "or say: rename X to Y, replace `x` by `y`"
                )
        texts = self._texts(paths or chosen(self.task, self._indexed()))
        if not texts:
            raise UsageError(f"{self.folder.root}: no code there is about this task; name files with --file")
        return self._result(self._ask(shown_of(texts, self.task, self._indexed), ""), texts)

    def repaired(self, changes: Sequence[Change], said: str) -> list[Change]:
        """Return what mends the code that failed a test, [] for nothing."""
        there = [change.path for change in changes if change.after is not None]
        texts = self._texts(dict.fromkeys([*self.read, *there]))
        answer = self._ask(shown_of(texts, self.task, self._indexed), said)
        return self._result(answer, texts).changes

    def _ask(self, shown: Mapping[str, str], feedback: str) -> Edits:
        return (self.editor or _code_editor())(self.task, shown, feedback)

    def _rules(self, texts: Mapping[str, str]) -> Edits:
        from dspy_programs.programs.code_editor import answer_by_rules

        return answer_by_rules(self.task, texts, "")

    def _indexed(self) -> Index:
        if self.index is None:
            self.index = Index(self.folder.root)
            self.index.refresh()
        return self.index

    def _texts(self, paths: Sequence[str] | Mapping[str, object]) -> dict[str, str]:
        """Read files. Raises UsageError for what is not there, or no text."""
        texts = dict[str, str]()
        for path in paths:
            file = self.folder.file(path)
            if file is None:
                raise UsageError(f"{path}: not there; name a file in {self.folder.root}")
            text = text_in(file.content)
            if text is None:
                raise UsageError(f"{path}: not a text in UTF-8, so it is not edited")
            self.read[path], texts[path] = file, text
        return texts

    def _result(self, answer: Edits, texts: Mapping[str, str]) -> EditResult:
        """Check edits against whole files."""
        result = EditResult([], answer.answered_by, why=getattr(answer, "why", ""))
        if not answer.edits:
            failure = getattr(answer, "failure", None)
            said = getattr(answer, "refused", "") or (failure.reason if failure else "it gave none")
            return replace(result, failure=f"no edits: {said}")
        for path in {edit.path for edit in answer.edits if edit.path not in texts}:
            if self.folder.workspace.kind(self.folder.checked(path)) is not None:
                return replace(result, failure=f"the edits change {path}, which the editor has not seen; name it with --file")
        edited = apply_edits(texts, fitted(texts, answer.edits))
        if edited.fault:
            return replace(result, failure=f"the edits do not fit: {edited.fault}")
        changed = [path for path, text in edited.code.items() if text != texts.get(path)]
        return replace(result, changes=[self._change(path, edited.code[path]) for path in changed])

    def _change(self, path: str, text: str) -> Change:
        """Return a change of a file, with its own line ends."""
        before = self.read.get(path)
        content = text.encode()
        if before is not None and has_crlf(before.content):
            content = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return Change(self.folder.checked(path), before, File(content, before.executable if before else False))


def _code_editor() -> Editor:
    """Return the program, as compiled for the model in use if there is one."""
    from dspy_programs.programs.code_editor import CodeEditor
    from dspy_programs.registry import load

    model = model_in_use()
    editor: Editor = load("code_editor", model.model) if model is not None else CodeEditor()
    return editor
