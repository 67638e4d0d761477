"""What an editor makes of a task: the files are found and shown, and the edits that come back are checked against whole files.

Calls      a language model if one is in use and the task does not spell the edit out.
Raises     UsageError for a file that may not be changed, and if a model is needed and none is in use.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from dspy_programs.code.changing.choosing import chosen, mentioning, quoted_in, shown_of
from dspy_programs.code.changing.folder import Folder
from dspy_programs.code.changing.trying import Trial
from dspy_programs.code.index.index import Index
from dspy_programs.diffs import Change, File, has_crlf, utf8_text
from dspy_programs.edits import Edit, apply_edits, fitted
from dspy_programs.errors import UsageError
from dspy_programs.model_in_use import model_in_use

_NOT_SPELLED_OUT = "the task does not spell the edit out, as in: rename X to Y, replace `x` by `y` in FILE"
_NONE = {"model": "it gave none", "rules": "no rule and no small repair does it; name a model with --lm"}
_CANNOT = "no rule does this: what the task names is in no file, in several places, or the new name is taken"

By = Literal["model", "rules"]


if TYPE_CHECKING:
    from dspy_programs.programs.code_editor import CodeEditorResult


class Edits(Protocol):
    """What an editor answers; CodeEditorResult is one."""

    edits: list[Edit]
    answered_by: By


class Editor(Protocol):
    """What writes the edits: the program code_editor, or a function of the same form."""

    def __call__(self, task: str, code: Mapping[str, str], feedback: str = "") -> Edits: ...


class Proposal(NamedTuple):
    """The changes that an editor proposes; failure: why there are none."""

    changes: list[Change]
    answered_by: By
    why: str
    failure: str = ""


@dataclass
class Proposer:
    """One task: who edits, and what was read."""

    task: str
    folder: Folder
    editor: Editor | None
    index: Index | None
    read: dict[str, File] = field(default_factory=dict)
    """The files as they were when the editor was shown them."""

    def proposed(self, files: Sequence[str], trial: Trial | None = None) -> Proposal:
        """Ask for edits. trial: tests that can be run first, to show how they fail. Raises UsageError."""
        paths, unclear = [self.folder.checked(path) for path in files], ""
        if self.editor is None:
            spelled = self._texts(paths) if paths else self._texts(mentioning(self.task, self.folder.root))
            answer = self._rules(spelled)
            if answer.edits:
                return self._result(answer, spelled)
            unclear = answer.refused
        said = trial.feedback(trial.run()) if trial is not None else ""
        if self.editor is None and model_in_use() is None and not said:
            why = unclear or (_CANNOT if quoted_in(self.task) else _NOT_SPELLED_OUT)
            why = f"the tests pass as it is, and {why}" if trial is not None else why
            raise UsageError(f"{why}; a model is needed: name one with --lm")
        texts = self._texts(paths or chosen(self.task, self._indexed()))
        if not texts:
            raise UsageError(f"{self.folder.root}: no code there is about this task; name files with --file")
        return self._result(self._ask(texts, said, trial), texts)

    def repaired(self, changes: Sequence[Change], said: str, trial: Trial) -> list[Change]:
        """Return what mends the code that failed a test, [] for nothing. said: how it failed."""
        there = [change.path for change in changes if change.after is not None]
        texts = self._texts(dict.fromkeys([*self.read, *there]))
        return self._result(self._ask(texts, said, trial), texts).changes

    def _ask(self, texts: Mapping[str, str], said: str, trial: Trial | None) -> Edits:
        shown = shown_of(texts, self.task, self._indexed)

        def passes(code: Mapping[str, str]) -> bool:
            """Try small repairs; not of a file that was shown in part only."""
            changed = [path for path, text in code.items() if text != texts.get(path)]
            return trial is not None and shown == texts and trial.passes([self._change(path, code[path]) for path in changed])

        return (self.editor or _code_editor(passes))(self.task, shown, said)

    def _rules(self, texts: Mapping[str, str]) -> "CodeEditorResult":
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
            text = utf8_text(file.content)
            if text is None:
                raise UsageError(f"{path}: not a text in UTF-8, so it is not edited")
            self.read[path], texts[path] = file, text
        return texts

    def _result(self, answer: Edits, texts: Mapping[str, str]) -> Proposal:
        """Check edits against whole files."""
        result = Proposal([], answer.answered_by, getattr(answer, "why", ""))
        if not answer.edits:
            failure = getattr(answer, "failure", None)
            said = getattr(answer, "refused", "") or (failure.reason if failure else _NONE[answer.answered_by])
            return result._replace(failure=f"no edits: {said}")
        for path in {edit.path for edit in answer.edits if edit.path not in texts}:
            if self.folder.workspace.kind(self.folder.checked(path)) is not None:
                return result._replace(failure=f"the edits change {path}, which the editor has not seen; name it with --file")
        edited = apply_edits(texts, fitted(texts, answer.edits))
        if edited.fault:
            return result._replace(failure=f"the edits do not fit: {edited.fault}")
        changed = [path for path, text in edited.code.items() if text != texts.get(path)]
        return result._replace(changes=[self._change(path, edited.code[path]) for path in changed])

    def _change(self, path: str, text: str) -> Change:
        """Return a change of a file, with its own line ends."""
        before = self.read.get(path)
        content = text.encode()
        if before is not None and has_crlf(before.content):
            content = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return Change(self.folder.checked(path), before, File(content, before.executable if before else False))


def _code_editor(passes: Callable[[Mapping[str, str]], bool]) -> Editor:
    """Return the program, as compiled for the model in use if there is one. passes: runs the tests on changed files."""
    from dspy_programs.programs.code_editor import CodeEditor
    from dspy_programs.registry import load

    model = model_in_use()
    editor = load("code_editor", model.model) if model is not None else CodeEditor()
    editor.passes = passes
    return editor
