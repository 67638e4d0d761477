"""Labelled rows to show a model, as sets that a search can begin with.

Demonstrations drawn at random leave kinds of cases out, and a small model then never does them. So they are spread evenly
over the kinds, or a pool is given from which each call shows the nearest (few_shot.py).
"""

import json
import random
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dspy

from dspy_programs.few_shot import ALL_SHOWN
from dspy_programs.reasoning import add_reasoning

LONGEST = 1600  # characters of one demonstration, about 400 tokens: every call has to read them all
POOL = 200  # rows: more would be seldom nearest, and a file to review

Demonstrate = Callable[[dspy.Example], Mapping[str, dict[str, Any]]]
"""A row -> for each predictor, its inputs and the outputs that are right."""


@dataclass(frozen=True)
class Start:
    """A program with a set of demonstrations; `rows` are the ids of the rows they were made from."""

    name: str
    rows: tuple[str, ...]
    program: dspy.Module


def starts(
    program: dspy.Module, rows: Sequence[dspy.Example], demonstrate: Demonstrate, count: int, reasoning: bool = False
) -> list[Start]:
    """Return what a search begins with: the seed, the first `count` rows shown, and all of them as a pool for the nearest.

    rows: as `choose` gives them, so the first are spread over the kinds; reasoning: also the seed with chain of thought.
    """
    sets: dict[str, Sequence[dspy.Example]] = {"seed": []}
    if rows:
        sets["spread"] = rows[:count]
    if len(rows) > ALL_SHOWN:
        sets["nearest"] = rows
    found = [
        Start(name, tuple(row.id for row in shown), with_demonstrations(program, shown, demonstrate))
        for name, shown in sets.items()
    ]
    return [*found, *([Start("reasoning", (), add_reasoning(program.deepcopy()))] if reasoning else [])]


def choose(
    rows: Sequence[dspy.Example],
    demonstrate: Demonstrate,
    kind: Callable[[dspy.Example], Hashable],
    count: int,
    seed: int,
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


def size(demonstration: Mapping[str, Any]) -> int:
    return len(json.dumps(demonstration, ensure_ascii=False, default=str))


def with_demonstrations(program: dspy.Module, rows: Sequence[dspy.Example], demonstrate: Demonstrate) -> dspy.Module:
    """Return a copy of the program whose predictors show these rows."""
    copy: dspy.Module = program.deepcopy()
    shown = [demonstrate(row) for row in rows]
    for name, predictor in copy.named_predictors():
        predictor.demos = [demo[name] for demo in shown]
    return copy


def with_instructions(program: dspy.Module, instructions: Mapping[str, str]) -> dspy.Module:
    """Return a copy of the program with these instructions, one for each predictor."""
    copy: dspy.Module = program.deepcopy()
    for name, predictor in copy.named_predictors():
        predictor.signature = predictor.signature.with_instructions(instructions[name])
    return copy
