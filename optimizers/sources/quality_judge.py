"""PandaLM's test set converted to judge rows: an instruction, two model responses, the majority verdict of three people.

Input      raw: a folder with testset-v1.json (one list of records).
Output     {"train": rows, "val": rows, "test": rows}; a row is {id, instruction, input, response, other, rubric,
           verdict, unanimous}.
Guarantees the same input gives the same rows, bit for bit; an instruction is in one split only, and none shares more than
           half of its words with one of another split; of the rows with a winner half have it first.
Raises     DatasetError if the file is missing or malformed.
Source     github.com/WeOpenML/PandaLM, commit 3871806e, data/testset-v1.json (Apache-2.0); see the data card.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from dspy_programs.errors import DatasetError
from dspy_programs.text import jaccard, words
from optimizers.sources.reading import home, read_json

SEED = 20261121
_INSTRUCTIONS = {"test": 65, "val": 35}  # at least; train gets the rest
LONGEST_RESPONSE = 700  # characters
LONGEST_ROW = 1600  # characters of instruction, input and both responses, about 400 tokens
LARGEST_OVERLAP = 0.5  # of the words of two instructions with their inputs (Jaccard) in different splits
_ANNOTATORS = ("annotator1", "annotator2", "annotator3")
VERDICTS = {0: "tie", 1: "first", 2: "second"}

Row = dict[str, Any]


def build(raw: Path, sizes: Mapping[str, int] = _INSTRUCTIONS) -> dict[str, list[Row]]:
    """Draw the three splits by instruction; `sizes` are the instructions of test and of val."""
    path = home(raw, "data_generator/pandalm_testset") / "testset-v1.json"
    try:
        rows = [row for record in read_json(path) if (row := _usable_row(record))]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(f"{path}: not PandaLM's test set: {error!r}") from error
    families = _families_of(_without_repeats(rows))
    draw = random.Random(SEED)
    draw.shuffle(families)
    splits: dict[str, list[Row]] = {"train": [], "val": [], "test": []}
    for split, size in sizes.items():
        taken: list[list[Row]] = []
        while len(taken) < size:
            if not families:
                raise DatasetError(f"{path}: not enough instructions for {size} in {split}")
            taken += families.pop()
        splits[split] = in_turn(taken, draw)
    splits["train"] = in_turn([group for family in families for group in family], draw)
    return {split: balanced(each, random.Random(f"{SEED}-{split}")) for split, each in splits.items()}


def _usable_row(record: Row) -> Row | None:
    """Return the row in the source's order; None if all people differ, the request is empty or the row is too long."""
    votes = Counter(VERDICTS[record[name]] for name in _ANNOTATORS)
    verdict, count = votes.most_common(1)[0]
    texts = [str(record[name]).strip() for name in ("instruction", "input", "response1", "response2")]
    instruction, input_, response, other = texts
    too_long = max(len(response), len(other)) > LONGEST_RESPONSE or sum(map(len, texts)) > LONGEST_ROW
    if count == 1 or too_long or not instruction:
        return None
    return {
        "id": str(record["idx"]),
        "instruction": instruction,
        "input": input_,
        "response": response,
        "other": other,
        "rubric": "quality",
        "verdict": verdict,
        "unanimous": count == len(_ANNOTATORS),
    }


def _without_repeats(rows: Iterable[Row]) -> list[Row]:
    """Keep the first of the rows with the same two responses: several of the judged models give identical ones."""
    kept: dict[tuple[str, str, frozenset[str]], Row] = {}
    for row in rows:
        kept.setdefault((row["instruction"], row["input"], frozenset({row["response"], row["other"]})), row)
    return list(kept.values())


def _families_of(rows: Iterable[Row]) -> list[list[list[Row]]]:
    """Group rows by instruction and input, and similar groups into families that must stay together."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["instruction"], row["input"]].append(row)
    families: list[list[tuple[str, str]]] = []
    bags = {key: frozenset(words(" ".join(key))) for key in groups}
    for key in groups:
        near = [f for f in families if any(jaccard(bags[key], bags[other]) > LARGEST_OVERLAP for other in f)]
        families = [f for f in families if f not in near] + [[other for f in near for other in f] + [key]]
    return [[groups[key] for key in family] for family in families]


def in_turn(groups: Sequence[Sequence[Row]], draw: random.Random) -> list[Row]:
    """Take one row of every instruction in turn, so that the first rows of a split are of as many as there can be."""
    shuffled = [draw.sample(group, len(group)) for group in groups]
    draw.shuffle(shuffled)
    return [row for turn in zip_longest(*shuffled) for row in turn if row]


def balanced(rows: Iterable[Row], draw: random.Random) -> list[Row]:
    """Swap responses so that winners alternate between first and second; ties are swapped at random."""
    places: list[str] = []
    result = []
    for row in rows:
        if row["verdict"] == "tie":
            swap = draw.random() < 0.5
        else:
            places = places or draw.sample(["first", "second"], 2)
            swap = row["verdict"] != places.pop()
        result.append(swapped(row) if swap else row)
    return result


def swapped(row: Row) -> Row:
    verdict = {"first": "second", "second": "first"}.get(row["verdict"], "tie")
    return row | {"response": row["other"], "other": row["response"], "verdict": verdict}
