"""From a task and the files that it is about to the edits that do it."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.programs.code_editor.code_editor import (
        CodeEditor as CodeEditor,
        CodeEditorResult as CodeEditorResult,
        answer_by_rules as answer_by_rules,
    )
    from dspy_programs.programs.code_editor.repairs import repairs_to_try as repairs_to_try
    from dspy_programs.programs.code_editor.showing import files_shown as files_shown

_HOMES = {
    "CodeEditor": "code_editor",
    "CodeEditorResult": "code_editor",
    "answer_by_rules": "code_editor",
    "files_shown": "showing",
    "repairs_to_try": "repairs",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
