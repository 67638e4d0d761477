"""The settings of one training run: a program, two models, a budget, and the rows it reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import dspy

from dspy_programs.cluster import Cluster
from dspy_programs.errors import DatasetError, UsageError
from dspy_programs.lm import is_embedded
from dspy_programs.registry import compiled_store as store, is_own
from dspy_programs.tables import ELSEWHERE, WHOLE, Tables, tables_at
from optimizers.calls import Budget
from optimizers.data import (
    MOST_OWN,
    SPLITS,
    Fields,
    Given,
    as_marked,
    completed,
    data_directory,
    examples_of,
    fields_of,
    require_unseen,
    split_own,
    tables_given,
)
from optimizers.recipes import Recipe, Rows
from optimizers.search import Choice
from optimizers.training.budgets import TRANSFER_ROWS, budget_for, default_rows


@dataclass(frozen=True)
class Training:
    """The settings of one run.

    transfer: rows from other sources, on which the result must not be worse; out: where to put the result into use, by
    default where `load` looks; place: where the rows came from, as given, "" for the shipped ones; patient: the budget is
    a default, not a limit: a slow machine still gets its first comparison, and a search that finds nothing better ends
    by itself; cluster: where the task model is asked, None for here.
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
    cluster: Cluster | None = None

    @property
    def target(self) -> Path:
        return self.out or default_out(self.recipe.name, self.task_lm.model)


def training_of(
    recipe: Recipe,
    task: dspy.LM,
    reflection: dspy.LM,
    levers: tuple[Choice, bool | None] = ("auto", None),
    asked: tuple[str | None, Budget] = (None, Budget()),
    seed: int = 0,
    threads: int | None = None,
    data: Path | Given | None = None,
    sizes: Mapping[str, int | None] = MappingProxyType({}),
    out: Path | None = None,
    cluster: Cluster | None = None,
) -> Training:
    """Fill in the defaults and read the rows. levers: proposer, reasoning; asked: --auto and the limits given.

    data: a file, a folder, or rows by split; by default the recipe's, or the shipped ones.
    """
    store.require_savable(recipe.new_program(), recipe.name)
    auto, limits = asked
    proposer, reasoning = levers
    place = place_of_rows(recipe, data)
    shipped = isinstance(place, Path) and place == data_directory(recipe.name)
    usual = default_rows(recipe, is_embedded(task), own=not shipped)
    wanted = {split: sizes.get(split) or size for split, size in usual.items()}
    found = found_at(recipe, place)
    rows = rows_of(recipe, found, wanted, seed)
    budget, patient = budget_for(recipe, auto, limits, len(rows["val"]), is_embedded(task))
    asked_elsewhere = sizes.get("transfer_val")
    slow = is_embedded(task) and budget.metric_calls is not None  # they would be extra and take minutes
    elsewhere = (0 if slow else TRANSFER_ROWS) if asked_elsewhere is None else asked_elsewhere
    return Training(
        recipe=recipe,
        rows=rows,
        task_lm=task,
        reflection_lm=reflection,
        budget=budget,
        seed=seed,
        threads=threads or (cluster or Cluster(1)).threads(is_embedded(task)),
        out=out,
        proposer=proposer,
        reasoning=not is_embedded(task) if reasoning is None else reasoning,
        patient=patient,
        transfer=_transfer_of(found, elsewhere),
        place=str(place) if isinstance(place, Path) and not shipped else "",
        cluster=cluster,
    )


def place_of_rows(recipe: Recipe, data: Path | Given | None) -> Path | Given:
    """Return where the rows are. Raises UsageError if a user's own program has none."""
    place = data or recipe.data
    if place is None and is_own(recipe.name):
        raise UsageError(f"{recipe.name} has no rows; give --data FILE or FOLDER, or `data` in its recipe")
    return data_directory(recipe.name) if place is None else Path(place) if isinstance(place, (str, Path)) else place


def read_rows(recipe: Recipe, place: Path | Given, sizes: Mapping[str, int | None], seed: int = 0) -> Rows:
    """Read and check the first rows of each split, as many as `sizes` says, and no more. Raises DatasetError on a bad row.

    place: a file, a folder or a Hub data set, as in data/places.py, or the rows themselves; rows without splits are split
    here, and if rows passed in Python have no test split, a third of train becomes one.
    """
    return rows_of(recipe, found_at(recipe, place), sizes, seed)


class Found(NamedTuple):
    """Rows not read yet. where: the place's name for messages; tables: by split; fields: the fields a row must have."""

    place: Path | Given
    where: str
    tables: Tables
    fields: Fields


def rows_of(recipe: Recipe, there: Found, sizes: Mapping[str, int | None], seed: int) -> Rows:
    place, where, tables, fields = there
    tables = {split: rows for split, rows in tables.items() if split not in ELSEWHERE}
    counts = sizes if tables.keys() == set(SPLITS) else dict.fromkeys(tables, MOST_OWN)  # else train serves several
    found = {
        split: examples_of(rows, where, split or default_row_name(place), fields, counts.get(split))
        for split, rows in tables.items()
    }
    if found.keys() == {"train", "val"} and not isinstance(place, Path):
        own = split_own(found["train"], seed, where)
        found |= {"train": own["train"], "test": own["test"]}
    rows = completed(found, seed, where)
    _require_sound(recipe, rows, where, isinstance(place, Path) and place.is_file())
    require_unseen(rows, where)
    return {split: examples[: sizes.get(split)] for split, examples in rows.items()}


def found_at(recipe: Recipe, place: Path | Given) -> Found:
    fields = fields_of(recipe.new_program, recipe.labels)
    if isinstance(place, Path):
        return Found(place, str(place), tables_at(place), fields)
    return Found(place, "the rows", tables_given(place), as_marked(fields, place))


def default_row_name(place: Path | Given) -> str:
    """Return the name for rows of this place that have neither a split nor an id."""
    return (isinstance(place, Path) and place.name.split(".")[0]) or "row"


def _require_sound(recipe: Recipe, rows: Rows, where: str, is_one: bool) -> None:
    """Refuse a row whose labels no answer could match. Raises DatasetError with its id and the fault."""
    for split, examples in rows.items():
        for row in examples:
            if faults := recipe.faults(row):
                of = "" if is_one else f" of {split}"
                raise DatasetError(f"{where}: row {row.id!r}{of}: {'; '.join(faults)}")


def _transfer_of(there: Found, count: int) -> list[dspy.Example]:
    """Read the first `count` rows from another source, from the half meant for choosing; [] if there are none."""
    rows = there.tables.get("transfer_val") if count else None
    return [] if rows is None else examples_of(rows, there.where, "transfer_val", there.fields, count)


def rows_to_test(
    recipe: Recipe, data: Path | None, split: str, count: int | None = None, learnt: int | None = None
) -> list[dspy.Example]:
    """Read the first `count` unseen rows: those of a split, all rows of a given place without splits, else those that a
    training keeps for its test. Raises DatasetError.

    learnt: the random seed of a training run on this same place, which has seen the other rows.
    """
    there = found_at(recipe, place_of_rows(recipe, data))
    _, where, tables, fields = there
    table = tables.get(split, tables.get(WHOLE) if data and learnt is None else None)
    if table is not None:
        return examples_of(table, where, split, fields, count)
    if split != "test":
        raise DatasetError(f"{where}: no {split} rows, only {', '.join(filter(None, tables)) or 'rows without a split'}")
    return list(rows_of(recipe, there, {}, learnt or 0)["test"])[:count]


def default_out(module: str, spec: str) -> Path:
    """Return where `load` looks for a user's compiled program."""
    return store.compiled_paths(module, spec)[0]
