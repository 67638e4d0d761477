"""What one training is asked to do: a program, two models, a budget, and the rows it reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import dspy

from dspy_programs import compiled_store as store
from dspy_programs.errors import DatasetError
from optimizers.data import MOST_OWN, SPLITS, completed, examples_of, read_split, require_unseen
from optimizers.fields import fields_of
from optimizers.meter import Budget
from optimizers.proposers import Choice
from optimizers.recipes import Recipe
from optimizers.row_files import WHOLE
from optimizers.row_places import tables_at

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
    """Read and check the first so many rows of each split; what is not used is not read. Raises DatasetError on a bad row.

    place: a file, a folder or a data set of the hub, as row_places.py has it; rows without splits are split here.
    """
    tables, fields = tables_at(place), fields_of(recipe.program, recipe.labels)
    counts = sizes if tables.keys() == set(SPLITS) else dict.fromkeys(tables, MOST_OWN)  # else train is to serve as more
    found = {
        split: examples_of(table, str(place), split or named(place), fields, counts.get(split))
        for split, table in tables.items()
    }
    rows = completed(found, seed, str(place))
    require_sound(recipe, rows, place)
    require_unseen(rows, place)
    return {split: examples[: sizes.get(split)] for split, examples in rows.items()}


def read_one(recipe: Recipe, place: Path, split: str, count: int | None = None) -> list[dspy.Example]:
    """Read the first so many rows of one split, or of a place that has none. Raises DatasetError."""
    if (file := place / f"{split}.jsonl").is_file():  # a split by any name
        return read_split(file, recipe.program, recipe.labels, count)
    tables = tables_at(place)
    table = tables.get(split, tables.get(WHOLE))
    if table is None:
        raise DatasetError(f"{place}: there are no {split} rows in it, only {', '.join(tables)}")
    return examples_of(table, str(place), split, fields_of(recipe.program, recipe.labels), count)


def named(place: Path) -> str:
    """Return what rows of this place are called that have neither a split nor an id of their own."""
    return place.name.split(".")[0] or "row"


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
    return read_split(file, recipe.program, recipe.labels, count) if count and file.is_file() else []


def default_out(module: str, spec: str) -> Path:
    """Return where `load` looks for what a user has compiled."""
    return store.user_directory() / module / f"{store.file_name(spec)}.json"
