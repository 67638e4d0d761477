"""Labelled rows to show a model, spread evenly over the kinds of cases that there are.

Demonstrations drawn at random leave kinds out, and a small model then never does them.
"""

import random
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import dspy

LONGEST = 1600  # characters of one demonstration, about 400 tokens: every call has to read them all

Demonstrate = Callable[[dspy.Example], Mapping[str, dict[str, Any]]]
"""A row -> for each predictor, its inputs and the outputs that are right."""


def choose(rows: Sequence[dspy.Example], kind: Callable[[dspy.Example], Hashable], count: int, seed: int) -> list[dspy.Example]:
    """Draw `count` rows, one of each kind in turn, the most frequent kind first; fewer where there are not enough."""
    shuffled = [row for row in rows if len(str(row.toDict())) <= LONGEST]
    random.Random(f"{seed}-demonstrations").shuffle(shuffled)
    kinds: dict[Hashable, list[dspy.Example]] = {}
    for row in shuffled:
        kinds.setdefault(kind(row), []).append(row)
    piles = sorted(kinds.values(), key=len, reverse=True)
    turns = [row for turn in range(count) for pile in piles for row in pile[turn : turn + 1]]
    return turns[:count]


def with_demonstrations(program: dspy.Module, rows: Sequence[dspy.Example], demonstrate: Demonstrate) -> dspy.Module:
    """Return a copy of the program whose predictors show these rows."""
    copy: dspy.Module = program.deepcopy()
    shown = [demonstrate(row) for row in rows]
    for name, predictor in copy.named_predictors():
        predictor.demos = [demo[name] for demo in shown]
    return copy
