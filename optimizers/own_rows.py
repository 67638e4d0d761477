"""Rows that are given in Python, as people have them for DSPy, made into three splits."""

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import dspy

from dspy_programs.errors import DatasetError
from optimizers.data import SPLITS, require_unseen, split_own

Row: TypeAlias = dspy.Example | Mapping[str, Any]


def split_given(
    program: dspy.Module, given: Mapping[str, Sequence[Row]], seed: int, sizes: Mapping[str, int | None] = MappingProxyType({})
) -> dict[str, list[dspy.Example]]:
    """Make three splits of rows that are given in Python: "train", and "val" and "test" where there are such.

    Without a test a third of train is kept for it; without validation rows the rest of train serves for that too, each row
    scored by what the others show. Raises DatasetError for a row that lacks an input, and for a test row that is not unseen.
    """
    inputs = inputs_of_program(program)
    rows = {split: typed(given.get(split) or (), inputs, split) for split in SPLITS}
    if not rows["train"]:
        raise DatasetError("train: there are no rows in it")
    if not rows["test"]:
        own = split_own(rows["train"], seed, Path("train"))
        rows |= {"train": own["train"], "test": own["test"]}
    rows["val"] = rows["val"] or rows["train"]
    require_unseen(rows, Path("rows"))
    return {split: each[: sizes.get(split)] for split, each in rows.items()}


def inputs_of_program(program: dspy.Module) -> list[str]:
    """Name what a program is called with: the arguments of `forward`, or what its first predictor reads."""
    taken = inspect.signature(type(program).forward).parameters.values()
    named = [each.name for each in taken if each.name != "self" and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    return named or list(program.predictors()[0].signature.input_fields)


def typed(rows: Sequence[Row], inputs: Sequence[str], split: str) -> list[dspy.Example]:
    """Give each row an id where it has none, and say which of its fields are inputs where it does not."""
    found, seen = [], set[str]()
    for number, row in enumerate(rows, 1):
        example = row if isinstance(row, dspy.Example) else dspy.Example(**row)
        asked = list(example.inputs()) if example._input_keys else [name for name in inputs if name in example]
        id_ = str(example.get("id", f"{split}-{number}"))
        if not asked:
            raise DatasetError(f"{split}: row {number}: has none of the program's inputs: {', '.join(inputs)}")
        if id_ in seen:
            raise DatasetError(f"{split}: row {number}: id: {id_!r} is used twice; every row needs its own")
        seen.add(id_)
        found.append(dspy.Example(**{**example.toDict(), "id": id_}).with_inputs(*asked))
    return found
