"""A race: many candidates are scored on the first rows, and only those that may still win on the next.

Source     successive halving (Jamieson and Talwalkar 2016), with the one-standard-error rule (Breiman et al. 1984) to
           drop what is clearly behind the reference.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Scores = tuple[float, ...]


def race(
    racers: Sequence[str],
    rows: Sequence[Any],
    reference: Sequence[float],
    run: Callable[[str, Sequence[Any]], Scores],
    may_go_on: Callable[[int], bool],
    calls: int,
) -> dict[str, Scores]:
    """Return the scores of each racer on the first rows, on all rows for the last one running.

    reference: the scores to beat, on all rows; run: (racer, some rows) -> its scores; may_go_on: asked before each round
    with the number of racers; calls: rows that may be run in all, for the field is cut so that one can end within them.
    """
    scores: dict[str, Scores] = {name: () for name in racers}
    racing = list(racers)
    for part in parts(rows, rounds(len(racers), len(rows), calls)):
        if not racing or not may_go_on(len(racing)):
            break
        for name in racing:
            scores[name] += run(name, part)
        racing = [name for name in racing if may_win(scores[name], reference)]
        racing.sort(key=lambda name: -sum(scores[name]))
        racing = racing[: max(1, len(racing) // 2)]
    return scores


def may_win(scores: Sequence[float], reference: Sequence[float]) -> bool:
    """Tell whether one standard error more would put these first rows above the reference. The same scores never would."""
    reference = reference[: len(scores)]
    return sum(scores) - sum(reference) + len(scores) * standard_error(scores, reference) > 0


def standard_error(scores: Sequence[float], others: Sequence[float]) -> float:
    """Return the standard error of the mean of paired differences; 0.0 for a single row."""
    differences = np.subtract(scores, others)
    return float(differences.std(ddof=1) / np.sqrt(len(differences))) if len(differences) > 1 else 0.0


def rounds(racing: int, rows: int, calls: int) -> int:
    """Return how many rounds halve a field until one is left and has run the last, within `calls` if that can be.

    Two at least, so that any may fall out; with many racers and few calls more, so that less is spent on the first.
    """
    fewest = max(2, racing.bit_length())
    return next((n for n in range(fewest, rows + 1) if cost(racing, rows, n) <= calls), max(fewest, rows))


def cost(racing: int, rows: int, number: int) -> int:
    """Return the rows that a race of so many rounds runs in all, if none falls out early."""
    spent = 0
    for part in parts(range(rows), number):
        spent += racing * len(part)
        racing = max(1, racing // 2)
    return spent


def parts(rows: Sequence[Any], number: int) -> list[Sequence[Any]]:
    """Cut the rows into so many parts of about equal size, in order; fewer where there are fewer rows."""
    number = min(number, len(rows))
    cuts = [len(rows) * i // number for i in range(number + 1)] if number else []
    return [rows[before:after] for before, after in itertools.pairwise(cuts)]
