"""What became of each row, written down before the next begins, so that a stopped measurement goes on where it was.

Guarantees the program's own runs of the tests are counted, and its seconds are without those of scoring.
"""

import ast
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import dspy

from dspy_programs import CodeEditor, CodeEditorResult, use
from dspy_programs.edits import apply_edits
from dspy_programs.errors import UsageError
from dspy_programs.lm import Meter, Spent, metered
from metrics.code_editor import Checks, Run
from optimizers.recipes import Recipe, checked

_tried = partial(checked, seconds=3.0)  # a row's tests take a tenth of one; a repair may make a loop endless


class Repair(NamedTuple):
    """What became of one row. tries: how often the program ran the tests; seconds: of the clock; score: the metric's."""

    way: str
    lm: str
    row: str
    kind: str
    source: str
    edited: bool
    solved: bool
    is_right_code: bool
    score: float
    tries: int
    seconds: float
    model_calls: int
    tokens: int
    why: str


class Trials:
    """The tests of a row, as a program may run them."""

    def __init__(self, checks: Checks, run: Run) -> None:
        self.checks, self.run, self.tries = checks, run, 0

    def __call__(self, code: Mapping[str, str]) -> bool:
        self.tries += 1
        ended = self.run({**code, **self.checks.files}, [self.checks.tests])[0]
        return ended.passed and self.checks.says in ended.output


def repaired(row: dspy.Example, way: str, editor: CodeEditor, lm: dspy.LM | None, scored: Recipe, run: Run = _tried) -> Repair:
    """Let a program do a row, then judge what it did. Raises what the model raises if it cannot be reached."""
    tests, meter = Trials(row.checks, run), Meter(Spent())
    editor.passes = tests if way == "repairs" else None
    started = time.monotonic()
    with use(metered(lm, meter) if lm else None):
        result = editor(row.task, row.code, row.feedback)
    seconds, tries = time.monotonic() - started, tests.tries
    done, score = apply_edits(row.code, result.edits), scored.scorer(row, result)
    return Repair(
        way=way,
        lm=lm.model if lm else "",
        row=row.id,
        kind=row.kind,
        source=row.source,
        edited=bool(result.edits),
        solved=score.components.get("tests") == 1.0,
        is_right_code=bool(result.edits) and _same(done.code, {**row.code, **row.fixed}),
        score=score.value,
        tries=tries,
        seconds=round(seconds, 2),
        model_calls=meter.spent.model_calls,
        tokens=meter.spent.tokens,
        why=_why(result),
    )


def _same(code: Mapping[str, str], right: Mapping[str, str]) -> bool:
    """Whether two states of some files are the same Python, comments and layout aside."""
    return code.keys() == right.keys() and all(_tree(code[path]) == _tree(right[path]) for path in right)


def _tree(text: str) -> str:
    try:
        return ast.dump(ast.parse(text))
    except SyntaxError:
        return text


def _why(result: CodeEditorResult) -> str:
    return result.failure.reason if result.failure else result.refused or result.why


def measured(
    rows: Sequence[dspy.Example], way: str, lm: str, out: Path | None, repair: Callable[[dspy.Example], Repair]
) -> Iterator[Repair]:
    """Yield what became of each row; do those that are not in the file yet."""
    known = {(each.way, each.lm, each.row): each for each in (read(out) if out else [])}
    for row in rows:
        if found := known.get((way, lm, row.id)):
            yield found
            continue
        done = repair(row)
        if out:
            with out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(done._asdict(), ensure_ascii=False) + "\n")
        yield done


def read(out: Path) -> list[Repair]:
    """Return what a file of results holds. Raises UsageError for a line that is none."""
    found = []
    for number, line in enumerate(out.read_text(encoding="utf-8").splitlines() if out.exists() else (), start=1):
        try:
            found.append(Repair(**json.loads(line)))
        except (ValueError, TypeError):
            raise UsageError(f"{out}:{number}: not a result of this command; name another file") from None
    return found
