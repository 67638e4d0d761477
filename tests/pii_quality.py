"""python -m tests.pii_quality [--split tune|test] [--wrong]: how well the check pii finds what is labelled in datasets/data.

A finding is right if it overlaps a label of its kind. Told for each kind: how many of the findings are right (precision), how
many of the labels are found (recall), each with its 95 % interval (Wilson), and how many of the right ones begin and end just
where the label does. --datafog: the same for datafog's regular expressions, if that is installed; its kinds are fewer.
"""

import argparse
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from dspy_programs.data.checks.pii import KINDS, PiiSpan, pii_in

ROWS = Path(__file__).resolve().parents[1] / "datasets" / "data" / "pii.jsonl"
DATAFOG = {"EMAIL": "email", "PHONE": "phone", "SSN": "ssn", "CREDIT_CARD": "card", "IP_ADDRESS": "ip", "DE_IBAN": "iban"}


class Tally(NamedTuple):
    """Of each kind, how many are labelled, found, both, and both with the same ends."""

    labelled: Counter
    found: Counter
    right: Counter
    exact: Counter
    caught: Counter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--split", choices=["tune", "test"], help="default: both")
    parser.add_argument("--wrong", action="store_true", help="show what is missed or found wrongly")
    parser.add_argument("--datafog", action="store_true")
    told = parser.parse_args()
    rows = [row for row in read_rows() if told.split in (None, row["split"])]
    find = by_datafog() if told.datafog else pii_in
    tally = tallied(rows, find)
    print(f"{len(rows)} rows, {tally.labelled.total()} labels, {sum(not row['spans'] for row in rows)} rows without any")
    for kind in [*KINDS, "all"]:
        print(line_of(kind, *(counts.total() if kind == "all" else counts[kind] for counts in tally)))
    if told.wrong:
        show_wrong(rows, find)


def read_rows() -> list[dict]:
    return [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]


def tallied(rows: Iterable[dict], find: Callable[[str], list[PiiSpan]]) -> Tally:
    tally = Tally(*(Counter() for _ in Tally._fields))
    for row in rows:
        labels, found = labels_of(row), find(row["text"])
        tally.labelled.update(label.kind for label in labels)
        tally.found.update(span.kind for span in found)
        tally.right.update(span.kind for span in found if any(meet(span, label) for label in labels))
        tally.exact.update(span.kind for span in found if span in labels)
        tally.caught.update(label.kind for label in labels if any(meet(span, label) for span in found))
    return tally


def labels_of(row: dict) -> list[PiiSpan]:
    return [PiiSpan(**span) for span in row["spans"]]


def meet(one: PiiSpan, other: PiiSpan) -> bool:
    return one.kind == other.kind and one.start < other.end and other.start < one.end


def line_of(kind: str, labelled: int, found: int, right: int, exact: int, caught: int) -> str:
    return (
        f"  {kind:12} precision {share(right, found)}  recall {share(caught, labelled)}"
        f"  {right}/{found} found, {caught}/{labelled} labelled, {exact} with the same ends"
    )


def share(part: int, whole: int) -> str:
    if not whole:
        return "  -                "
    low, high = wilson(part, whole)
    return f"{part / whole:.3f} ({low:.2f}-{high:.2f})"


def wilson(part: int, whole: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95 % interval of a share."""
    middle = (part + z * z / 2) / (whole + z * z)
    half = z * math.sqrt(part * (whole - part) / whole + z * z / 4) / (whole + z * z)
    return max(0.0, middle - half), min(1.0, middle + half)


def show_wrong(rows: Iterable[dict], find: Callable[[str], list[PiiSpan]]) -> None:
    for row in rows:
        labels, found = labels_of(row), find(row["text"])
        missed = [label for label in labels if not any(meet(span, label) for span in found)]
        false = [span for span in found if not any(meet(span, label) for label in labels)]
        if missed or false:
            said = [f"{what} {span.kind} {row['text'][span.start : span.end]!r}" for what, spans in
                    (("missed", missed), ("false", false)) for span in spans]  # fmt: skip
            print(f"  {row['id']} {row['text']!r}: {'; '.join(said)}")


def by_datafog() -> Callable[[str], list[PiiSpan]]:
    from datafog.processing.text_processing.regex_annotator import RegexAnnotator

    annotator = RegexAnnotator(locales="de")

    def find(text: str) -> list[PiiSpan]:
        found = annotator.annotate_with_spans(text)[1].spans
        return [PiiSpan(DATAFOG[span.label], span.start, span.end) for span in found if span.label in DATAFOG]

    return find


if __name__ == "__main__":
    main()
