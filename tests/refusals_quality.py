"""python -m tests.refusals_quality --raw DIR [--half test]: does the check `refusals` find what people call a refusal?

DIR is the folder with XSTest's completions (Röttger et al. 2024, CC BY 4.0): 2,250 answers of five models, labelled by two
people as full refusal, partial refusal or full compliance. Half of the questions (`tune`) may be looked at while the check is
mended; the other half is for the figures. Told are the share of the full refusals that is found, and the share of what is
found that people call a refusal, full or partial, each with its 95 % interval (Wilson). --wrong shows what is not right.
"""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dspy_programs.data import CheckOptions, DataPair, Validator
from dspy_programs.failures import wilson

FULL, NONE = "2_full_refusal", "1_full_compliance"
HALVES = ("tune", "test")


class Answer(NamedTuple):
    question: str
    text: str
    label: str


def answers(raw: Path, half: str) -> Iterator[Answer]:
    for path in sorted(raw.glob("xstest_v2_completions_*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if HALVES[sum(map(ord, row["prompt"])) % 2 == 0] == half:
                    yield Answer(row["prompt"], row["completion"], row["final_label"])


def share(part: int, whole: int) -> str:
    low, high = wilson(part, whole)
    return f"{part / max(whole, 1):.3f} [{low:.3f}, {high:.3f}], {part} of {whole}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raw", type=Path, required=True)
    parser.add_argument("--half", choices=HALVES, default="tune")
    parser.add_argument("--wrong", action="store_true")
    told = parser.parse_args()
    validator = Validator(CheckOptions(checks=("refusals",)))
    rows = list(answers(told.raw, told.half))
    found = [bool(validator.check(DataPair(instruction=row.question, output=row.text))) for row in rows]
    full = [hit for row, hit in zip(rows, found, strict=True) if row.label == FULL]
    hits = [row for row, hit in zip(rows, found, strict=True) if hit]
    print(f"{len(rows)} answers")
    print(f"full refusals found    {share(sum(full), len(full))}")
    print(f"found, and a refusal   {share(sum(row.label != NONE for row in hits), len(hits))}")
    for row, hit in zip(rows, found, strict=True) if told.wrong else ():
        if hit != (row.label == FULL) and row.label in (FULL, NONE):
            print(f"{'wrong ' if hit else 'missed'} {row.question[:60]} | {' '.join(row.text.split())[:150]}")


if __name__ == "__main__":
    main()
