"""Labelled rows to show a model, as named sets for candidates.

Demonstrations drawn at random miss some kinds of cases, and a small model then never handles them. So they are spread evenly
over the kinds, or a pool is given from which each call shows the nearest (few_shot.py).
"""

import hashlib
import json
import random
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import dspy

from dspy_programs.predict import ALL_SHOWN, Index
from optimizers.json_text import as_json

LONGEST = 1600  # characters of one demonstration, about 400 tokens: every call has to read them all
POOL = 200  # rows: more would rarely be nearest, and the file must stay reviewable
SPREAD, NEAREST = "spread", "nearest"
DONE = "done:"  # before a row's id: the program's own reply to it
POOLED = "pooled"  # a few rows and an earlier compiled program's demonstrations: together enough to draw from

Demonstration = Mapping[str, Any]
Demonstrate = Callable[[dspy.Example], Mapping[str, dict[str, Any]]]
"""A row -> for each predictor that it can be shown to, its inputs and the correct outputs."""
Written = tuple[Demonstration, str, str]


@dataclass(frozen=True)
class DemonstrationStore:
    """What can be shown: train rows by their ids, a pool of them, and the demonstrations of earlier compiled programs.

    rows: spread over the kinds, the first `count` of them are the set SPREAD, all of them the pool NEAREST; count: rows
    that one call shows if all are shown; others: name -> predictor -> demonstrations; asked: a digest of the inputs of each
    of those; pools: every predictor draws the nearest by itself (few_shot.py); learns: the program's own good replies can
    also be shown, once there are any.
    """

    rows: Sequence[dspy.Example]
    demonstrate: Demonstrate
    count: int
    others: Mapping[str, Mapping[str, Sequence[Demonstration]]] = field(default_factory=dict)
    asked: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    pools: bool = True
    learns: bool = False
    done: dict[str, Mapping[str, dict[str, Any]]] = field(default_factory=dict, repr=False)
    _cache: dict[tuple[str, str], list[Written]] = field(default_factory=dict, repr=False)

    @property
    def sets(self) -> list[str]:
        """Return the names of the sets that a search starts with."""
        able = {
            POOLED: POOLED in self.others,
            SPREAD: self.rows and self.count,
            NEAREST: self.pools and len(self.rows) > ALL_SHOWN,
        }
        return [name for name, is_able in able.items() if is_able]

    def ids(self, shown: str) -> tuple[str, ...]:
        """Return the ids of the rows that a candidate's text names; none for another program's demonstrations."""
        named = json.loads(shown) if shown else []
        if isinstance(named, list):
            return tuple(named)
        return tuple(row.id for row in {SPREAD: self.rows[: self.count], NEAREST: self.rows}.get(named, ()))

    def demonstrations(self, shown: str, predictor: str, without: dspy.Example | None = None) -> list[Demonstration]:
        """Return the demonstrations that a text names for a predictor, but never the answer to the current row: `without`."""
        written = self._marked(shown, predictor)
        own = self._own(without, predictor) if without is not None and written else set()
        return [demonstration for demonstration, *marks in written if own.isdisjoint(marks)]

    def shows(self, shown: str, predictor: str, row: dspy.Example) -> bool:
        """Return whether the demonstrations that a text names contain a row's answer."""
        written = self._marked(shown, predictor) if shown else []
        own = self._own(row, predictor) if written else set()
        return any(not own.isdisjoint(marks) for _, *marks in written)

    def asked_in(self, shown: str, predictor: str) -> list[str]:
        """Return a digest of the inputs of each demonstration that a text names; "" if unknown."""
        return [asked for _, _, asked in self._marked(shown, predictor)]

    def remember(self, row: dspy.Example, made: Mapping[str, dict[str, Any]]) -> None:
        """Keep the program's good reply to a row; only the first counts, so that what a text names never changes."""
        name = f"{DONE}{row.id}"
        known = {asked_by(self.by_id[id_.removeprefix(DONE)]) for id_ in self.done}
        if made and name not in self.made and asked_by(row) not in known and all(map(is_short, made.values())):
            self.done[name] = made
            self.by_id.setdefault(row.id, row)

    def _own(self, row: dspy.Example, predictor: str) -> set[str]:
        """Return the marks of what would give away a row's answer: its own demonstration, and any with the same inputs."""
        return {mark(self.demonstrate(row).get(predictor)), asked_by(row)}

    def _marked(self, shown: str, predictor: str) -> list[Written]:
        """Return the demonstrations, each with its marks: itself, and its inputs."""
        if (shown, predictor) not in self._cache:
            name = json.loads(shown) if shown else []
            if isinstance(name, str) and name in self.others:
                demos = self.others[name].get(predictor, ())
                known = self.asked.get(name, {}).get(predictor, ())
                found = list(zip(demos, known if len(known) == len(demos) else [""] * len(demos), strict=True))
            else:
                told = [(self.made.get(id_) or self.done[id_], self.by_id[self.row_of(id_)]) for id_ in self.ids(shown)]
                found = [(made[predictor], asked_by(row)) for made, row in told if predictor in made]
            self._cache[shown, predictor] = [(each, mark(each), asked) for each, asked in found]
        return self._cache[shown, predictor]

    def row_of(self, id_: str) -> str:
        return id_ if id_ in self.made else id_.removeprefix(DONE)

    @cached_property
    def by_id(self) -> dict[str, dspy.Example]:
        return {row.id: row for row in self.rows}

    @cached_property
    def made(self) -> dict[str, Mapping[str, dict[str, Any]]]:
        return {row.id: self.demonstrate(row) for row in self.rows}

    def nearest_to(self, row: dspy.Example, but: Sequence[str]) -> str | None:
        """Return the id of the row most similar to this one, other than itself and those in `but`."""
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
    """Put a few rows and an earlier compiled program's demonstrations into one pool; empty if it would not be a pool.

    Rows too few to be a pool of their own are still drawn from here: those of the user's domain are nearer than others.
    """
    if not rows or len(rows) > ALL_SHOWN:
        return {}
    made = [demonstrate(row) for row in rows]
    pool: dict[str, Sequence[Demonstration]] = {
        name: [*(each[name] for each in made if name in each), *before.get(name, ())] for name in made[0]
    }
    return pool if all(len(each) > ALL_SHOWN for each in pool.values()) else {}


def demonstrations_key(shown: str | Sequence[str]) -> str:
    """Return the text by which a candidate names a set, or rows by their ids."""
    return json.dumps(shown if isinstance(shown, str) else list(shown), ensure_ascii=False)


def choose(
    rows: Sequence[dspy.Example],
    demonstrate: Demonstrate,
    kind: Callable[[dspy.Example], Hashable],
    count: int,
    seed: int | str,
) -> list[dspy.Example]:
    """Draw `count` rows, one of each kind in turn, the most frequent kind first; fewer if there are not enough."""
    shuffled = [row for row in rows if (made := demonstrate(row)) and all(size(demo) <= LONGEST for demo in made.values())]
    random.Random(f"{seed}-demonstrations").shuffle(shuffled)
    kinds: dict[Hashable, list[dspy.Example]] = {}
    for row in shuffled:
        kinds.setdefault(kind(row), []).append(row)
    piles = sorted(kinds.values(), key=len, reverse=True)
    turns = [row for turn in range(count) for pile in piles for row in pile[turn : turn + 1]]
    return turns[:count]


def size(demonstration: Demonstration) -> int:
    return len(as_json(demonstration))


def is_short(demonstration: Demonstration) -> bool:
    """Return whether a demonstration can be shown: not too long, and text that can be sent."""
    try:
        as_json(demonstration).encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return False
    return size(demonstration) <= LONGEST


def mark(demonstration: Demonstration | None) -> str:
    """Return a demonstration's digest, whatever the order of its fields."""
    return digest(as_json(demonstration, sort_keys=True))


def asked_by(row: dspy.Example) -> str:
    """Return a digest of a row's inputs, whatever their order."""
    return digest(as_json(dict(row.inputs()), sort_keys=True))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def with_instructions(program: dspy.Module, instructions: Mapping[str, str]) -> dspy.Module:
    """Return a copy of the program with these instructions, one for each predictor."""
    copy: dspy.Module = program.deepcopy()
    for name, predictor in copy.named_predictors():
        predictor.signature = predictor.signature.with_instructions(instructions[name])
    return copy
