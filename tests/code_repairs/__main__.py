"""python -m tests.code_repairs --way repairs --out RESULTS.jsonl: how many rows of code_editor are solved, and at what cost.

Ways: the rules alone; the rules with tests to run, which also try small repairs; and the program on a model, uncompiled and
compiled, without tests to run. A row is solved if its tests pass on the edited files, in the sandbox. Told: solved rows and
those whose code is then the right code, as a syntax tree, with 95 % intervals; the mean of the metric; how often the tests were
run, and minutes and tokens a row. Time to score a row does not count.
A stopped measurement goes on where it was. The test split is read once for each reported figure.
"""

import argparse
import sys
import time
from pathlib import Path

import dspy

from dspy_programs import CodeEditor, load
from dspy_programs.errors import ProgramsError, UsageError
from dspy_programs.lm import connect
from dspy_programs.registry import read_compiled
from optimizers.data import SPLITS, data_directory, evenly, read_split
from optimizers.recipes import recipe
from tests.code_repairs.figures import table
from tests.code_repairs.repairs import Repair, measured, repaired

WAYS = ("rules", "repairs", "uncompiled", "compiled")


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
