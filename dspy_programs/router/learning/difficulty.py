"""Which requests of a program a cheap model answers as well as a strong one, learnt from rows that both have answered.

Input      rows: the text of a request (its last user message) and the score of both models, shares in [0, 1].
Output     fitted(rows) -> Difficulty, which says of a text how much the cheap model loses; measured(rows) -> what routing by it
           saves and loses on rows that it has not seen, with intervals.
Method     ridge regression of (cheap score - strong score) on hashed words and pairs of words; its penalty is the one with the
           smallest leave-one-out error. The threshold is the one that sends most rows to the cheap model while, by
           leave-one-out predictions, the mean score falls by half of what is allowed.
           Measured in ten folds; threshold and weights are those of the other nine. Intervals: bootstrap over rows, 95 %.
"""

import re
import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

SIZE = 4096  # features
_PENALTIES = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
MAX_LOSS = 0.02  # of the mean score
_FOLDS, _DRAWS, _SEED = 10, 2000, 0
_NONE = 1e9  # a threshold that no row reaches
FEWEST = 50  # rows
_Floats = np.ndarray[Any, np.dtype[np.float64]]


class Row(NamedTuple):
    text: str
    cheap: float
    strong: float


class Figure(NamedTuple):
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float

    def scaled(self, factor: float) -> "Figure":
        low, high = sorted((self.low * factor, self.high * factor))
        return Figure(self.mean * factor, low, high)

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


class Measured(NamedTuple):
    """On unseen rows. easy: share that the cheap model gets; change: of the mean score, against the strong model for all;

    by_chance: what the same share, drawn at random, would change.
    """

    rows: int
    easy: Figure
    change: Figure
    by_chance: float

    def is_worth_it(self, max_loss: float) -> bool:
        """Whether some rows are saved, and the score surely falls by no more than this, and by less than by chance."""
        return self.easy.low > 0 and self.change.low >= -max_loss and self.change.low > self.by_chance


class Difficulty(NamedTuple):
    """weights: of features; threshold: a predicted difference that is not below it is easy."""

    weights: _Floats
    base: float
    threshold: float

    def is_easy(self, text: str) -> bool:
        return self.base + float(self.weights[_features(text)].sum()) >= self.threshold


def fitted(rows: Sequence[Row], max_loss: float = MAX_LOSS) -> Difficulty:
    """Return what these rows teach."""
    x, y = _matrix(rows), _differences(rows)
    base = float(y.mean())
    sizes, axes = np.linalg.eigh(x @ x.T)
    turned = axes.T @ (y - base)

    def solved(penalty: float) -> tuple[_Floats, _Floats]:
        """Return the weights of rows, and what each would be predicted wrong without itself."""
        alpha = axes @ (turned / (sizes + penalty))
        return alpha, alpha / np.einsum("ij,j,ij->i", axes, 1 / (sizes + penalty), axes)

    alpha, errors = min(map(solved, _PENALTIES), key=lambda each: float((each[1] ** 2).sum()))
    return Difficulty(x.T @ alpha, base, _threshold(y - errors, y, max_loss / 2))


def measured(rows: Sequence[Row], max_loss: float = MAX_LOSS) -> Measured:
    """Return what routing saves and loses on rows that were not learnt from."""
    rng = np.random.default_rng(_SEED)
    fold = rng.permutation(len(rows)) % _FOLDS
    easy = np.zeros(len(rows))
    for one in range(_FOLDS):
        known = fitted([row for row, at in zip(rows, fold, strict=True) if at != one], max_loss)
        for at in np.nonzero(fold == one)[0].tolist():
            easy[at] = known.is_easy(rows[at].text)
    y = _differences(rows)
    draws = rng.integers(0, len(rows), (_DRAWS, len(rows)))
    return Measured(len(rows), _figure(easy, draws), _figure(easy * y, draws), float(easy.mean() * y.mean()))


def _threshold(predicted: _Floats, y: _Floats, loss: float) -> float:
    order = np.argsort(-predicted, kind="stable")
    lost = np.cumsum(y[order]) / len(y)
    bad = np.nonzero(lost < -loss)[0]
    easy = int(bad[0]) if len(bad) else len(y)  # the last time that it is good again may be luck
    return float(predicted[order[easy - 1]]) if easy else _NONE


def _figure(values: _Floats, draws: Any) -> Figure:
    low, high = np.percentile(values[draws].mean(axis=1), (2.5, 97.5))
    return Figure(float(values.mean()), float(low), float(high))


def _differences(rows: Sequence[Row]) -> _Floats:
    return np.array([row.cheap - row.strong for row in rows])


def _matrix(rows: Sequence[Row]) -> _Floats:
    x = np.zeros((len(rows), SIZE))
    for at, row in enumerate(rows):
        x[at, _features(row.text)] = 1.0
    return x


def _features(text: str) -> list[int]:
    """Return the numbers of a text's words and pairs of words, and of how long it is."""
    words = re.findall(r"\w+|[^\w\s]", text.lower())[:2000]
    told = {*words, *(f"{one} {other}" for one, other in pairwise(words))}
    told |= {f"longer than {2**power}" for power in range(3, len(words).bit_length())}
    return sorted({zlib.crc32(each.encode("utf-8", "replace")) % SIZE for each in told})
