"""From rows to typed examples in three splits that do not leak into each other.

A row is checked against the program itself: its signature's types for the inputs, the recipe's label types for the right
answers (fields.py). There is no second schema to keep in sync.
"""

import hashlib
import io
import itertools
import json
import random
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import dspy
import jsonlines

from dspy_programs.errors import DatasetError
from dspy_programs.tables import WHOLE, Row, rows_in
from dspy_programs.text import quantity
from optimizers.data.fields import Fields, Program, example_of, fields_of
from optimizers.json_text import as_json

SPLITS = ("train", "val", "test")
FEWEST_OWN = 9  # rows of one file
MOST_OWN = 10_000  # rows of one file that are read


def data_directory(name: str) -> Path:
    """Return where the rows of a program are: inside the installed package, or in the checkout.

    In this order, because next to an installed package the folder `datasets` is the library of that name.
    """
    packed = Path(str(files("dspy_programs") / "datasets"))
    return (packed if packed.is_dir() else Path(__file__).resolve().parent.parent.parent / "datasets") / name


def read_split(
    path: Path, program: Program, labels: Mapping[str, Any] | None = None, count: int | None = None
) -> list[dspy.Example]:
    """Read the rows of a file in any format of dspy_programs/tables, the first `count` of them, checked and in order.

    A field with a default may be omitted, and so may the id, which is then the file's name and the row's number.
    labels: the fields that are not inputs, with their types; None: all other fields of a row, unchecked.
    Raises DatasetError as "file:line: field: why" for a row that is unreadable, lacks a field, has an unknown one, has a
    value of the wrong type, or repeats an earlier row's id; and for no rows.
    """
    return examples_of(rows_in(path), str(path), path.name.split(".")[0], fields_of(program, labels), count)


def examples_of(rows: Iterable[Row], place: str, split: str, fields: Fields, count: int | None = None) -> list[dspy.Example]:
    """Check rows and turn them into examples. split: names rows without an id, together with their numbers."""
    seen: dict[str, str] = {}
    examples = []
    for where, number, row in itertools.islice(rows, count):
        example = example_of(where, row, f"{split}-{number}", fields)
        if example.id in seen:
            raise DatasetError(f"{where}: id: {example.id!r} was already used in {seen[example.id]}; give every row its own")
        seen[example.id] = where
        examples.append(example)
    if not examples:
        of = f"{split} " if split in SPLITS else ""
        raise DatasetError(f"{place}: no {of}rows; add some")
    return examples


def completed(rows: Mapping[str, list[dspy.Example]], seed: int, place: str) -> dict[str, list[dspy.Example]]:
    """Make three splits from the given ones: a single one is split by `split_own`; without val, train also validates.

    Raises DatasetError if there is nothing to learn from, or to test on.
    """
    if rows.keys() in ({WHOLE}, {"train"}):
        return split_own(next(iter(rows.values())), seed, place)
    if missing := [split for split in ("train", "test") if split not in rows]:
        raise DatasetError(
            f"{place}: no {missing[0]} rows, only {', '.join(rows) or 'rows from other sources'}; give train and test, or "
            "rows without a split, which are split for you"
        )
    if "val" in rows:
        return dict(rows)
    return {"train": _without_contradictions(rows["train"], place), "val": rows["train"], "test": rows["test"]}


def split_own(rows: Sequence[dspy.Example], seed: int, where: Path | str) -> dict[str, list[dspy.Example]]:
    """Split the rows of one file: a third for testing, the rest for learning and validating.

    A row is never its own demonstration, so each of the rest can be validated with the others as demonstrations:
    leave-one-out cross-validation, because a validation set of a few rows would say nothing. Rows with the same inputs stay
    together; if their labels differ, none of them is shown, because one would give away another's answer.
    Raises DatasetError for too few different rows.
    """
    groups = alike(rows)
    if len(groups) < FEWEST_OWN:
        count = quantity(len(rows), "row") + (f", {len(groups)} of them different" if len(groups) < len(rows) else "")
        raise DatasetError(f"{where}: {count}: too few to train and test; give at least {FEWEST_OWN}")
    drawn = random.Random(f"{seed}-own").sample(groups, len(groups))
    cut = len(groups) // 3
    test, rest = ([row for group in part for row in group] for part in (drawn[:cut], drawn[cut:]))
    return {"train": _without_contradictions(rest, where), "val": rest, "test": test}


def alike(rows: Iterable[dspy.Example]) -> list[list[dspy.Example]]:
    """Group rows with the same inputs, in the order of the first of each."""
    groups: dict[str, list[dspy.Example]] = {}
    for row in rows:
        groups.setdefault(inputs_of(row), []).append(row)
    return list(groups.values())


def _without_contradictions(rows: Sequence[dspy.Example], where: Path | str) -> list[dspy.Example]:
    """Drop rows that have the same inputs but different labels. Raises DatasetError if none is left."""
    sure = [row for group in alike(rows) if len(set(map(_content_of, group))) == 1 for row in group]
    if not sure:
        raise DatasetError(
            f"{where}: every row has the same inputs as another with different labels, so none can be shown; fix the labels"
        )
    return sure


def require_unseen(splits: Mapping[str, Sequence[dspy.Example]], where: Path | str) -> None:
    """Refuse a row whose answer another split gives away, by content, whatever its id. Raises DatasetError.

    A test row must be in no other split. A validation row may also be in train, because it is not shown while it is
    scored itself; but not with different labels, because then it would be.
    """
    seen = {inputs_of(row): (split, row) for split in ("val", "train") for row in splits[split]}
    for row in splits["test"]:
        if inputs_of(row) in seen:
            split, other = seen[inputs_of(row)]
            line = f"row {row.id!r} of test has the same inputs as row {other.id!r} of {split}; test must stay unseen"
            raise DatasetError(f"{where}: {line}")
    learnt = {inputs_of(group[0]): group for group in alike(splits["train"])}
    for row in splits["val"]:
        others = [other for other in learnt.get(inputs_of(row), ()) if _content_of(other) != _content_of(row)]
        if others:
            line = f"row {row.id!r} of val has the same inputs as row {others[0].id!r} of train, but different labels"
            raise DatasetError(f"{where}: {line}; remove one")


def inputs_of(row: dspy.Example) -> str:
    """Return a row's inputs as text: two rows with the same text ask the same."""
    return as_text(dict(row.inputs()))


def _content_of(row: dspy.Example) -> str:
    """Return everything in a row except its id, as text."""
    return as_text({name: value for name, value in row.items() if name != "id"})


def as_text(value: Any) -> str:
    return as_json(value, sort_keys=True)


def evenly(rows: Sequence[dspy.Example], kind: Callable[[dspy.Example], Hashable]) -> list[dspy.Example]:
    """Order the rows so that any first N have the kinds of cases in about the same shares as all of them."""
    kinds = [kind(row) for row in rows]
    sizes, seen = Counter(kinds), Counter[Hashable]()
    places = []
    for each in kinds:
        places.append((seen[each] + 0.5) / sizes[each])
        seen[each] += 1
    return [rows[i] for i in sorted(range(len(rows)), key=lambda i: places[i])]


def as_jsonl(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Serialize rows in the one way that gives the same bytes everywhere."""
    text = io.StringIO()
    jsonlines.Writer(text, dumps=partial(json.dumps, ensure_ascii=False)).write_all(rows)
    return text.getvalue().encode("utf-8")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
