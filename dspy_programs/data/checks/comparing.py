"""How similar are many pairs of rows? A batch of lines at a time, so that another process can do it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dspy_programs.data.checks.near_dup import Shape, shape_of, similarity
from dspy_programs.data.checks.schema import parsed
from dspy_programs.data.pair import DataPair

Couples = NDArray[np.uint32]


def similarities(lines: Sequence[bytes], couples: Couples, threshold: float) -> NDArray[np.float64]:
    """Return for each couple, two places among the lines, their similarity; 0.0 if they are no near duplicates.

    Raises ValueError for a line that is no pair.
    """
    shapes = [_shape(line) for line in lines]
    return np.array([similarity(shapes[one], shapes[other], threshold) for one, other in couples.tolist()], np.float64)


def _shape(line: bytes) -> Shape:
    pair = parsed(line)
    if not isinstance(pair, DataPair):
        raise ValueError("a row that was a pair is no longer one: the file has changed")
    return shape_of(pair)
