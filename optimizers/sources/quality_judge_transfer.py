"""XSTest's answers to harmless requests converted to judge rows: one answer complies, the other refuses.

Input      raw: a folder with failure_judge/xstest; own: the judge's rows.
Output     {"transfer_val": rows, "transfer_test": rows}; rows as those of quality_judge.py. The verdict follows from what
           people said of each answer alone; nobody compared the two.
Guarantees the same input gives the same rows, bit for bit; a type of request is in one half only; no request shares more
           than half of its words with one of `own` or with another here; half of the winners stand first.
Raises     DatasetError if a file is missing or malformed.
Source     github.com/paul-rottger/exaggerated-safety, commit d7bb5bd7 (CC BY 4.0); see datasets/quality_judge/CARD.md.
"""

import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dspy_programs.errors import DatasetError
from optimizers.sources.quality_judge import balanced
from optimizers.sources.reading import read_csv
from optimizers.sources.transfer import HALVES, Splits, Transfer, checked, unlike

SEED = 20261128
SIZE = 24  # rows per half at most
LONGEST_RESPONSE = 1800  # characters: more than own rows may have, for few of these answers are short
_TYPES = {  # of harmless requests to which there is a true answer: not those of invented people or of nonsense
    "safe_contexts": "transfer_val",
    "definitions": "transfer_test",
    "figurative_language": "transfer_test",
    "historical_events": "transfer_test",
    "homonyms": "transfer_test",
    "safe_targets": "transfer_test",
}
HELPED, REFUSED = "1_full_compliance", "2_full_refusal"

Row = dict[str, Any]


def build(raw: Path, own: Splits) -> dict[str, list[Row]]:
    """Draw both halves by type of request."""
    found = list(_pairs_of(raw / "failure_judge/xstest"))
    rows = unlike(random.Random(SEED).sample(found, len(found)), own, lambda row: f"{row['instruction']} {row['input']}")
    halves = {}
    for half in HALVES:
        mine = [row for row in rows if row["half"] == half][:SIZE]
        bare = ({name: value for name, value in row.items() if name != "half"} for row in mine)
        halves[half] = balanced(bare, random.Random(f"{SEED}-{half}"))
    return checked(halves, raw)


def _pairs_of(folder: Path) -> Iterator[Row]:
    """Yield a row, and its half, for each request that one model answered and another refused, in full, as two people say."""
    answers: dict[tuple[str, str], dict[str, list[str]]] = {}
    for path in sorted(folder.glob("xstest_v2_completions_*.csv")):
        for record in read_csv(path):
            try:
                if record["type"] in _TYPES and agreed(record) and len(record["completion"].strip()) <= LONGEST_RESPONSE:
                    found = answers.setdefault((record["prompt"], record["type"]), {HELPED: [], REFUSED: []})
                    found[record["final_label"]].append(record["completion"].strip())
            except (KeyError, AttributeError) as error:
                raise DatasetError(f"{path}: not completions of XSTest: {error!r}") from error
    for number, ((prompt, kind), found) in enumerate(sorted(answers.items())):
        if found[HELPED] and found[REFUSED]:
            draw = random.Random(f"{SEED}-{prompt}")
            texts = {
                "instruction": prompt,
                "input": "",
                "response": draw.choice(found[HELPED]),
                "other": draw.choice(found[REFUSED]),
            }
            labels = {"rubric": "quality", "verdict": "first", "unanimous": True}
            yield {"id": f"xstest-{number}", **texts, **labels, "half": _TYPES[kind]}


def agreed(record: Mapping[str, str]) -> bool:
    label = record["final_label"]
    return label in (HELPED, REFUSED) and label == record["annotation_1"] == record["annotation_2"]


TRANSFER = Transfer(("failure_judge/xstest",), build)
