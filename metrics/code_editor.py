"""Do the edits fit, and do the tests, the types and the linter pass afterwards?

Input      gold: Example with `code` and its labels `checks` and `fixed` ({} if no right code is known); pred: a CodeEditor's
           Prediction (`edits`, `refused`, `failure`). Any field may be missing or malformed.
Output     Score: tests, types and lint as far as the row has them, each 0 or 1, with the weights of dspy-code renormalised over
           those; size; and a line of feedback for each that is not 1, in which the right code does not stand.
Guarantees never raises, never draws at random. Edits that cannot be read, do not fit or were refused score 0. The tests are put
           there after the edits, so no edit changes them. If much more is rewritten than needed, a tenth is lost: the
           patch works, but nobody wants to review it.
"""

import difflib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple, TypeGuard

import dspy
from pydantic import BaseModel, ConfigDict, Field

from dspy_programs.edits import Edit, apply_edits
from metrics.score import Component, Metric, Score, composite, unreadable

WEIGHTS = {"tests": 0.6, "types": 0.25, "lint": 0.15}
TOO_LARGE = 0.9
"""What a score is multiplied by if the edits rewrite more lines than _TIMES those of the right code and _MORE."""
_TIMES, _MORE = 3, 5
_MOST_UNKNOWN = 400  # lines, where no right code is known
_SHOWN = 600  # characters of a check's output, its end


class Base(BaseModel):
    """A commit of a repository, in a copy of which commands run. repository: its folder; commit: its hash, or that and `^`."""

    model_config = ConfigDict(extra="forbid")

    repository: str
    commit: str


class Checks(BaseModel):
    """Commands that run in a folder with the edited files. "" for none; files: put there after the edits, such as the tests;
    says: what the output of tests that pass has in it, so that code which ends the process early does not pass; base: what
    else is in the folder, nothing by default."""

    model_config = ConfigDict(extra="forbid")

    tests: str
    types: str = "python -m compileall -q ."
    lint: str = ""
    files: dict[str, str] = Field(default_factory=dict)
    says: str = ""
    base: Base | None = None


class Checked(NamedTuple):
    """How a command ended."""

    passed: bool
    output: str


Run = Callable[[Mapping[str, str], Sequence[str]], Sequence[Checked]]
"""Files by path, and commands -> how each ended, run one after the other in a folder with these files."""


def edits_pass(run: Run, over: Callable[[Base], Run] | None = None) -> Metric:
    """Return the metric. run: runs code that a model wrote, where it can do no harm; over: the same for rows with a base."""

    def metric(gold: dspy.Example, pred: dspy.Prediction) -> Score:
        edits, refused = getattr(pred, "edits", None), getattr(pred, "refused", None)
        if getattr(pred, "failure", None) is not None or not _are_edits(edits):
            right = "a sentence, and edits whose `old` is copied from the code"
            return unreadable({**WEIGHTS, "format": 0.0}, pred, "edits", "it has none", right)
        if isinstance(refused, str) and refused:
            return _nothing(f"the edits were refused: {refused}")
        code = _texts(getattr(gold, "code", None))
        done = apply_edits(code, edits)
        if not edits or done.fault:
            return _nothing(f"the edits do not fit: {done.fault}" if edits else "there are no edits")
        hidden = [path for path in done.code.keys() - code.keys() if PurePosixPath(path).stem in sys.stdlib_module_names]
        if hidden:
            return _nothing(f"{min(hidden)} would hide a module of Python's own")
        checks = getattr(gold, "checks", None)
        parts = _checked(done.code, checks, run, over) if isinstance(checks, Checks) else []
        return (
            _sized(parts, code, done.code, _texts(getattr(gold, "fixed", None))) if parts else _nothing("the row has no checks")
        )

    return metric


def _checked(code: Mapping[str, str], checks: Checks, run: Run, over: Callable[[Base], Run] | None) -> list[Component]:
    run = over(checks.base) if over and checks.base else run
    commands = {name: command for name in WEIGHTS if (command := getattr(checks, name))}
    ended = run({**code, **checks.files}, list(commands.values()))
    parts = []
    for name, (passed, output) in zip(commands, ended, strict=False):
        passed = passed and (name != "tests" or checks.says in output)
        said = "" if passed else f"after the edits `{commands[name]}` fails: {output.strip()[-_SHOWN:] or 'it says nothing'}"
        parts.append(Component(name, float(passed), WEIGHTS[name], said))
    return parts


def _sized(parts: list[Component], was: Mapping[str, str], now: Mapping[str, str], fixed: Mapping[str, str]) -> Score:
    """Combine the parts, less a tenth if the edits are far larger than needed."""
    changed = lines_changed(was, now)
    allowed = _TIMES * lines_changed(was, {**was, **fixed}) + _MORE if fixed else _MOST_UNKNOWN
    score = composite([*parts, Component("size", float(changed <= allowed), 0.0)])
    if changed <= allowed:
        return score
    said = f"size 0.00: {changed} lines are rewritten; change only those that must be"
    return Score(
        score.value * TOO_LARGE, said if score.feedback == "Perfect." else f"{score.feedback}\n{said}", score.components
    )


def lines_changed(was: Mapping[str, str], now: Mapping[str, str]) -> int:
    """Count the lines that differ between two states of some files; of lines replaced by others, the larger number."""
    total = 0
    for path in was.keys() | now.keys():
        matcher = difflib.SequenceMatcher(None, was.get(path, "").splitlines(), now.get(path, "").splitlines(), False)
        total += sum(max(b - a, d - c) for tag, a, b, c, d in matcher.get_opcodes() if tag != "equal")
    return total


def _nothing(fault: str) -> Score:
    return composite([Component(name, 0.0, weight, fault if name == "tests" else "") for name, weight in WEIGHTS.items()])


def _are_edits(edits: Any) -> TypeGuard[Sequence[Edit]]:
    return isinstance(edits, (list, tuple)) and all(isinstance(edit, Edit) for edit in edits)


def _texts(value: Any) -> dict[str, str]:
    kept = value.items() if isinstance(value, Mapping) else ()
    return {str(path): text for path, text in kept if isinstance(text, str)}
