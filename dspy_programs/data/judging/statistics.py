"""How well judges agree, with 95 % intervals.

Guarantees nothing is divided by zero: each function says what its degenerate case returns. Intervals of kappa and F1 are
           percentile bootstraps over pairs, seeded; those of shares are Wilson's, of a correlation Fisher's.
Source     Cohen 1960; Fleiss 1971; Landis and Koch 1977 for the words, as the data flywheel has them.
"""

import math
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypedDict

import numpy as np

from dspy_programs.failures import Interval, wilson

RESAMPLES = 2000
_SEED = 0
_TAIL = 2.5  # percent
_Z = 1.959963984540054
_WORDS = ((0.0, "below chance"), (0.2, "poor"), (0.4, "fair"), (0.6, "moderate"), (0.8, "substantial"))


class Prf(TypedDict):
    """Shares in [0, 1], and counts."""

    precision: float
    recall: float
    f1: float
    accuracy: float
    tp: int
    fp: int
    tn: int
    fn: int


def cohens_kappa(a: Sequence[Hashable], b: Sequence[Hashable]) -> float:
    """Return the agreement of two raters beyond chance, in [-1, 1].

    1.0 if both only ever say one and the same word; 0.0 without ratings. Raises ValueError for lists of two lengths.
    """
    _require_same_length(a, b)
    labels = {label: place for place, label in enumerate(dict.fromkeys([*a, *b]))}
    table = np.zeros((len(labels), len(labels)))
    for one, other in zip(a, b, strict=True):
        table[labels[one], labels[other]] += 1
    return float(kappa_of(table, alike=1.0)) if labels else 0.0


def kappa_of(tables: np.ndarray, alike: float = 0.0) -> Any:
    """Return Cohen's kappa of tables of counts, which may be stacked.

    alike: for a table in which both raters only ever say one and the same word. That shows nothing about a judge.
    """
    total = np.maximum(tables.sum(axis=(-2, -1)), 1)
    agreed = np.trace(tables, axis1=-2, axis2=-1) / total
    chance = (tables.sum(axis=-1) * tables.sum(axis=-2)).sum(axis=-1) / total**2
    known = (chance < 1) & (tables.sum(axis=(-2, -1)) > 0)
    return np.where(known, (agreed - chance) / np.where(known, 1 - chance, 1.0), alike)


def pearson(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the correlation, in [-1, 1]; 0.0 with fewer than two points or no spread. Raises ValueError for two lengths."""
    _require_same_length(x, y)
    if len(x) < 2:
        return 0.0
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    a, b = a - a.mean(), b - b.mean()
    spread = math.sqrt(float(a @ a) * float(b @ b))
    return max(-1.0, min(1.0, float(a @ b) / spread)) if spread > 1e-12 else 0.0


def pearson_interval(r: float, points: int) -> Interval:
    """Return the interval of a correlation; the whole range for fewer than four points."""
    if points < 4:
        return Interval(-1.0, 1.0)
    if abs(r) >= 1:
        return Interval(r, r)
    half = _Z / math.sqrt(points - 3)
    return Interval(math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half))


def prf(predicted: Sequence[bool], truth: Sequence[bool]) -> Prf:
    """Return precision, recall, F1 and accuracy, 0.0 where there is nothing to count. Raises ValueError for two lengths."""
    _require_same_length(predicted, truth)
    counts = Counter(zip(map(bool, predicted), map(bool, truth), strict=True))
    return prf_of(counts[True, True], counts[True, False], counts[False, False], counts[False, True])


def prf_of(tp: int, fp: int, tn: int, fn: int) -> Prf:
    precision, recall = _share(tp, tp + fp), _share(tp, tp + fn)
    f1, accuracy = _share(2 * tp, 2 * tp + fp + fn), _share(tp + tn, tp + fp + tn + fn)
    return Prf(precision=precision, recall=recall, f1=f1, accuracy=accuracy, tp=tp, fp=fp, tn=tn, fn=fn)


def fleiss_kappa(ratings: Sequence[Sequence[Hashable]]) -> float:
    """Return the agreement of several raters beyond chance, in [-1, 1].

    ratings: for each item what each rater said, as many for each item. 1.0 if all only ever say one and the same word; 0.0
    without ratings or with one rater. Raises ValueError for items of two lengths.
    """
    labels = {label: place for place, label in enumerate(dict.fromkeys(word for item in ratings for word in item))}
    if not labels or len(ratings[0]) < 2:
        return 0.0
    if any(len(item) != len(ratings[0]) for item in ratings):
        raise ValueError("each item needs as many ratings")
    counted = Counter(tuple(sorted(Counter(labels[word] for word in item).items())) for item in ratings)
    patterns = np.zeros((len(counted), len(labels)))
    for row, pattern in enumerate(counted):
        for place, count in pattern:
            patterns[row, place] = count
    return float(fleiss_of(patterns, np.array(list(counted.values()), dtype=float)))


def fleiss_of(patterns: np.ndarray, weights: np.ndarray) -> Any:
    """Return Fleiss' kappa. patterns: for a kind of item, how many raters said each word; weights: how many such items there
    are, which may be stacked."""
    raters, items = patterns.sum(axis=1)[0], np.maximum(weights.sum(axis=-1), 1)
    agreed = (patterns * (patterns - 1)).sum(axis=1) / (raters * (raters - 1))
    said = weights @ patterns / (items * raters)[..., None]
    chance = (said**2).sum(axis=-1)
    known = chance < 1 - 1e-12
    return np.where(known, (weights @ agreed / items - chance) / np.where(known, 1 - chance, 1.0), 1.0)


def bootstrap(counts: np.ndarray, figure: Callable[[np.ndarray], np.ndarray], seed: int = _SEED) -> Interval:
    """Return the interval of a figure of counts of pairs by kind; the whole range of a kappa without any.

    figure: from stacked counts of the same shape to one number each; NaN where a resample does not have it.
    """
    total = int(counts.sum())
    if total == 0:
        return Interval(-1.0, 1.0)
    drawn = np.random.default_rng(seed).multinomial(total, (counts / total).ravel(), size=RESAMPLES)
    low, high = np.nanpercentile(figure(drawn.reshape(RESAMPLES, *counts.shape).astype(float)), [_TAIL, 100 - _TAIL])
    return Interval(float(low), float(high))


def kappa_interval(table: np.ndarray, alike: float = 0.0) -> Interval:
    """Return the interval of Cohen's kappa; the whole range where only one word was ever said.

    Without a single disagreement every resample agrees too, however few pairs there are: then the lower end is what Wilson's
    for the agreement comes to.
    """
    said, total = (table.sum(axis=0) + table.sum(axis=1)) > 0, int(table.sum())
    if said.sum() < 2:
        return Interval(-1.0, 1.0)
    found = bootstrap(table, lambda tables: kappa_of(tables, alike))
    if int(np.trace(table)) < total:
        return found
    chance = float((table.sum(axis=0) * table.sum(axis=1)).sum()) / total**2
    return Interval(_beyond_chance(wilson(total, total).low, chance), 1.0)


def fleiss_interval(patterns: np.ndarray, weights: np.ndarray) -> Interval:
    """Return the interval of Fleiss' kappa, as for Cohen's."""
    said, total = weights @ patterns, int(weights.sum())
    if (said > 0).sum() < 2:
        return Interval(-1.0, 1.0)
    is_unanimous = (patterns > 0).sum(axis=1) == 1
    if weights[~is_unanimous].sum() > 0:
        return bootstrap(weights, lambda drawn: fleiss_of(patterns, drawn))
    chance = float(((said / said.sum()) ** 2).sum())
    return Interval(_beyond_chance(wilson(total, total).low, chance), 1.0)


def _beyond_chance(agreement: float, chance: float) -> float:
    return max(-1.0, (agreement - chance) / (1 - chance))


def kappa_in_words(kappa: float) -> str:
    return next((words for bound, words in _WORDS if kappa < bound), "near-perfect")


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _require_same_length(a: Sequence[Any], b: Sequence[Any]) -> None:
    if len(a) != len(b):
        raise ValueError(f"one list has {len(a)} values, the other {len(b)}")
