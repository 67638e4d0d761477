"""Labelled rows to show a model, as sets that a candidate names.

Demonstrations drawn at random leave kinds of cases out, and a small model then never does them. So they are spread evenly
over the kinds, or a pool is given from which each call shows the nearest (few_shot.py).
"""

import json
import random
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import dspy

from dspy_programs.few_shot import ALL_SHOWN, Index

LONGEST = 1600  # characters of one demonstration, about 400 tokens: every call has to read them all
POOL = 200  # rows: more would be seldom nearest, and a file to review
SPREAD, NEAREST = "spread", "nearest"
POOLED = "pooled"  # a few rows and the demonstrations of a program compiled before: together enough to draw from

Demonstration = Mapping[str, Any]
Demonstrate = Callable[[dspy.Example], Mapping[str, dict[str, Any]]]
"""A row -> for each predictor, its inputs and the outputs that are right."""


@dataclass(frozen=True)
class Shelf:
    """What can be shown: train rows by their ids, a pool of them, and the demonstrations of programs compiled before.

    rows: spread over the kinds, the first `count` of them are the set SPREAD, all of them the pool NEAREST; count: of
    rows that one call shows where all are shown; others: name -> predictor -> demonstrations.
    """

    rows: Sequence[dspy.Example]
    demonstrate: Demonstrate
    count: int
    others: Mapping[str, Mapping[str, Sequence[Demonstration]]] = field(default_factory=dict)
    _cache: dict[tuple[str, str], list[tuple[Demonstration, str]]] = field(default_factory=dict, repr=False)

    @cached_property
    def by_id(self) -> dict[str, dspy.Example]:
        return {row.id: row for row in self.rows}

    @property
    def sets(self) -> list[str]:
        """Name the sets that a search begins with."""
        able = {POOLED: POOLED in self.others, SPREAD: self.rows and self.count, NEAREST: len(self.rows) > ALL_SHOWN}
        return [name for name, is_able in able.items() if is_able]

    def ids(self, shown: str) -> tuple[str, ...]:
        """Return the ids of the rows that a text of a candidate names; none for another program's demonstrations."""
        named = json.loads(shown) if shown else []
        if isinstance(named, list):
            return tuple(named)
        return tuple(row.id for row in {SPREAD: self.rows[: self.count], NEAREST: self.rows}.get(named, ()))

    def demonstrations(self, shown: str, predictor: str, without: dspy.Example | None = None) -> list[Demonstration]:
        """Return what a text names for a predictor, but never the answer to the row at hand: `without`."""
        written = self._written(shown, predictor)
        own = None if without is None else as_json(self.demonstrate(without)[predictor])
        return [demonstration for demonstration, text in written if text != own]

    def shows(self, shown: str, predictor: str, row: dspy.Example) -> bool:
        """Tell whether what a text names has the answer to a row."""
        return bool(shown) and any(
            as_json(self.demonstrate(row)[predictor]) == text for _, text in self._written(shown, predictor)
        )

    def _written(self, shown: str, predictor: str) -> list[tuple[Demonstration, str]]:
        """Return the demonstrations, each with itself as JSON: by that it is told apart."""
        if (shown, predictor) not in self._cache:
            name = json.loads(shown) if shown else []
            if isinstance(name, str) and name in self.others:
                found = list(self.others[name].get(predictor, ()))
            else:
                found = [self.made[id_][predictor] for id_ in self.ids(shown)]
            self._cache[shown, predictor] = [(each, as_json(each)) for each in found]
        return self._cache[shown, predictor]

    @cached_property
    def made(self) -> dict[str, Mapping[str, dict[str, Any]]]:
        return {row.id: self.demonstrate(row) for row in self.rows}

    def nearest_to(self, row: dspy.Example, but: Sequence[str]) -> str | None:
        """Return the id of the row most like this one, of those that are not it and not among `but`."""
        near = self._index.likeness(dict(row.inputs()))
        ids = [each.id for each in self.rows]
        order = sorted(range(len(ids)), key=lambda i: -near[i])
        return next((ids[i] for i in order if ids[i] != row.id and ids[i] not in but), None)

    @cached_property
    def _index(self) -> Index:
        inputs = [dict(row.inputs()) for row in self.rows]
        return Index(inputs, tuple(inputs[0]))


def pooled(
    rows: Sequence[dspy.Example], demonstrate: Demonstrate, before: Mapping[str, Sequence[Demonstration]]
) -> dict[str, Sequence[Demonstration]]:
    """Put a few rows and the demonstrations of a program compiled before into one pool; empty where it would be no pool.

    Rows too few to draw the nearest from are drawn from all the same: those of one's own domain are nearer than others.
    """
    if not rows or len(rows) > ALL_SHOWN:
        return {}
    made = [demonstrate(row) for row in rows]
    pool: dict[str, Sequence[Demonstration]] = {
        name: [*(each[name] for each in made), *before.get(name, ())] for name in made[0]
    }
    return pool if all(len(each) > ALL_SHOWN for each in pool.values()) else {}


def named(shown: str | Sequence[str]) -> str:
    """Write the text by which a candidate names a set, or rows by their ids."""
    return json.dumps(shown if isinstance(shown, str) else list(shown), ensure_ascii=False)


def choose(
    rows: Sequence[dspy.Example],
    demonstrate: Demonstrate,
    kind: Callable[[dspy.Example], Hashable],
    count: int,
    seed: int | str,
) -> list[dspy.Example]:
    """Draw `count` rows, one of each kind in turn, the most frequent kind first; fewer where there are not enough."""
    shuffled = [row for row in rows if all(size(demo) <= LONGEST for demo in demonstrate(row).values())]
    random.Random(f"{seed}-demonstrations").shuffle(shuffled)
    kinds: dict[Hashable, list[dspy.Example]] = {}
    for row in shuffled:
        kinds.setdefault(kind(row), []).append(row)
    piles = sorted(kinds.values(), key=len, reverse=True)
    turns = [row for turn in range(count) for pile in piles for row in pile[turn : turn + 1]]
    return turns[:count]


def size(demonstration: Demonstration) -> int:
    return len(as_json(demonstration))


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=lambda model: getattr(model, "model_dump", lambda: str(model))())


def with_instructions(program: dspy.Module, instructions: Mapping[str, str]) -> dspy.Module:
    """Return a copy of the program with these instructions, one for each predictor."""
    copy: dspy.Module = program.deepcopy()
    for name, predictor in copy.named_predictors():
        predictor.signature = predictor.signature.with_instructions(instructions[name])
    return copy
