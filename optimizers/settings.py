"""What one training is asked to do: a program, two models, a budget, and the rows it reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import dspy

from dspy_programs import compiled_store as store
from dspy_programs.errors import DatasetError
from optimizers.data import SPLITS, read_split, require_unseen, split_own
from optimizers.meter import Budget
from optimizers.proposers import Choice
from optimizers.recipes import Recipe

Rows = Mapping[str, Sequence[dspy.Example]]


@dataclass(frozen=True)
class Training:
    """What one run is asked to do.

    transfer: rows of other sources, on which the result must not be worse; out: where it is put to use, by default where
    `load` looks; place: where the rows came from, as it was given, "" for the shipped ones; patient: the budget is a
    default, not a limit: a slow machine gets its first comparison all the same, and a search that finds nothing better
    ends by itself.
    """

    recipe: Recipe
    rows: Rows
    task_lm: dspy.LM
    reflection_lm: dspy.LM
    budget: Budget
    seed: int
    threads: int
    out: Path | None = None
    proposer: Choice = "auto"
    reasoning: bool = False
    patient: bool = False
    transfer: Sequence[dspy.Example] = ()
    place: str = ""

    @property
    def target(self) -> Path:
        return self.out or default_out(self.recipe.name, self.task_lm.model)


def read_rows(recipe: Recipe, place: Path, sizes: Mapping[str, int | None], seed: int = 0) -> Rows:
    """Read and check the rows, and take the first so many of each split. Raises DatasetError on the first bad row.

    place: a folder with train.jsonl, val.jsonl and test.jsonl, or one file of rows that is split here.
    """
    if not place.exists():
        raise DatasetError(f"{place}: there is no such file or folder")
    if not (place.is_file() or place.is_dir()):
        raise DatasetError(f"{place}: neither a file nor a folder of rows")
    if missing := [split for split in SPLITS if place.is_dir() and not (place / f"{split}.jsonl").is_file()]:
        advice = "a folder needs train.jsonl, val.jsonl and test.jsonl; one file, given by its own name, is split for you"
        raise DatasetError(f"{place}: there is no {missing[0]}.jsonl in it; {advice}")
    if place.is_file():
        rows = split_own(read_split(place, recipe.program, recipe.labels), seed, place)
    else:
        rows = {split: read_split(place / f"{split}.jsonl", recipe.program, recipe.labels) for split in SPLITS}
    require_sound(recipe, rows, place)
    require_unseen(rows, place)
    return {split: examples[: sizes.get(split)] for split, examples in rows.items()}


def require_sound(recipe: Recipe, rows: Rows, place: Path) -> None:
    """Refuse a row whose labels no answer could reach. Raises DatasetError with its id and what is wrong."""
    for split, examples in rows.items():
        for row in examples:
            if faults := recipe.faults(row):
                of = "" if place.is_file() else f" of {split}"
                raise DatasetError(f"{place}: row {row.id!r}{of}: {'; '.join(faults)}")


def read_transfer(recipe: Recipe, place: Path, count: int) -> list[dspy.Example]:
    """Read the first so many rows of another source, from the half that is for choosing; none where there are none."""
    file = place / "transfer_val.jsonl"
    return read_split(file, recipe.program, recipe.labels)[:count] if count and file.is_file() else []


def default_out(module: str, spec: str) -> Path:
    """Return where `load` looks for what a user has compiled."""
    return store.user_directory() / module / f"{store.file_name(spec)}.json"
