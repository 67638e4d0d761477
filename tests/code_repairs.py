"""python -m tests.code_repairs --way repairs --out RESULTS.jsonl: how many rows of code_editor are solved, and at what cost.

Ways: the rules alone; the rules with tests to run, which also try small repairs; and the program on a model, uncompiled and
compiled, without tests to run. A row is solved if its tests pass on the edited files, in the sandbox. Told: solved rows and
those whose code is then the right code, as a syntax tree, with 95 % intervals; the mean of the metric; how often the tests were
run, and minutes and tokens a row. Time to score a row does not count.
A stopped measurement goes on where it was. The test split is read once for each reported figure.
"""

import argparse
import ast
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import dspy

from dspy_programs import CodeEditor, CodeEditorResult, load, use
from dspy_programs.edits import apply_edits
from dspy_programs.errors import ProgramsError, UsageError
from dspy_programs.failures import wilson
from dspy_programs.lm import Meter, Spent, connect, metered
from dspy_programs.registry import read_compiled
from metrics.code_editor import Checks, Run
from optimizers.data import SPLITS, data_directory, evenly, read_split
from optimizers.recipes import Recipe, checked, recipe
from optimizers.scoring import bootstrap

WAYS = ("rules", "repairs", "uncompiled", "compiled")
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


def table(repairs: Sequence[Repair], by: str | None = None) -> Iterator[str]:
    """Yield a line for all, and for each kind or source."""
    yield f"{'rows':20} {'edited':>6} {'solved':>7} {'share':>6} {'95 %':>12}  {'right code':>23}  {'metric':>20}"
    yield _line("all", repairs)
    for name in sorted({getattr(each, by) for each in repairs}) if by else ():
        yield _line(name, [each for each in repairs if getattr(each, by or "") == name])
    solved = [each.tries for each in repairs if each.solved and each.tries]
    if solved:
        within = ", ".join(f"{sum(tries <= most for tries in solved)} within {most}" for most in (1, 3, 10, 60))
        yield f"tries where the tests then pass: median {median(solved):g}, {within}"
    minutes, calls, tokens = (
        sum(getattr(each, name) for each in repairs) / len(repairs) for name in ("seconds", "model_calls", "tokens")
    )
    tries = sum(each.tries for each in repairs) / len(repairs)
    yield f"a row: {minutes / 60:.2f} minutes, {tries:.1f} runs of its tests, {calls:.1f} model calls, {tokens:,.0f} tokens"


def _line(name: str, repairs: Sequence[Repair]) -> str:
    edited, solved, right = (sum(getattr(each, what) for each in repairs) for what in ("edited", "solved", "is_right_code"))
    count, mean = len(repairs), bootstrap([each.score for each in repairs])
    return (
        f"{name:20} {edited:>6} {solved:>3}/{count:<3} {_share(solved, count)}  {right:>3} {_share(right, count)}"
        f"  {mean.mean:.3f} [{mean.low:.3f}, {mean.high:.3f}]"
    )


def _share(count: int, of: int) -> str:
    low, high = wilson(count, of)
    return f"{count / of:>6.2f} [{low:.2f}, {high:.2f}]"


def _compiled(lm: str) -> CodeEditor:
    """Return what was compiled for a model. Raises UsageError if that is the uncompiled program."""
    editor = load("code_editor", lm, strict=True)
    if editor.loaded_from and read_compiled(editor.loaded_from).provenance.kept != "compiled":
        raise UsageError(f"compiling for {lm} found nothing better than the uncompiled program; measure that: --way uncompiled")
    return editor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=SPLITS, default="val")
    parser.add_argument("--way", choices=WAYS, default="rules")
    parser.add_argument("--lm", default="local/qwen2.5-coder-1.5b", help="the model of the last two ways")
    parser.add_argument("--first", type=int, help="only so many rows; kinds of defects alternate")
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="begin no row after so many; the same command goes on"
    )
    parser.add_argument("--by", choices=("kind", "source"), help="also a line for each")
    parser.add_argument("--out", type=Path, help="results, one a line; what is there already is not done again")
    asked = parser.parse_args()
    scored = recipe("code_editor")
    path = data_directory("code_editor") / f"{asked.split}.jsonl"
    rows = evenly(read_split(path, CodeEditor, scored.labels), scored.kind)[: asked.first]
    lm = connect(asked.lm) if asked.way in ("uncompiled", "compiled") else None
    editor = _compiled(asked.lm) if asked.way == "compiled" else CodeEditor()
    repairs, end = list[Repair](), time.monotonic() + 60 * asked.minutes

    def repair(row: dspy.Example) -> Repair:
        return repaired(row, asked.way, editor, lm, scored)

    for each in measured(rows, asked.way, lm.model if lm else "", asked.out, repair):
        said = "right code" if each.is_right_code else "solved" if each.solved else "not solved" if each.edited else "no edits"
        repairs.append(each)
        print(f"{len(repairs)}/{len(rows)} {each.row}: {said}, {each.tries} tries, {each.seconds:.1f} s", flush=True)
        if time.monotonic() > end and len(repairs) < len(rows):
            return print("out of time; the same command with --out goes on")
    print(*table(repairs, asked.by), sep="\n")


if __name__ == "__main__":
    try:
        main()
    except ProgramsError as error:
        sys.exit(f"error: {error}")
