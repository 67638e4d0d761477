"""Which train rows a proposal is made from: those on which most was lost so far, and one that was not tried yet.

A batch of perfect rows costs its calls and teaches nothing, and a row that was run already costs nothing again.
"""

import random
from collections.abc import Mapping, Sequence


def hard_rows(ids: Sequence[str], lost: Mapping[str, float], size: int, draw: random.Random) -> list[str]:
    """Draw at most `size` rows by what the program at hand lost on them, `lost`: id -> 1 - score of the rows it has run.

    As long as there are untried rows, one of them at least is in the batch.
    """
    untried = [id_ for id_ in ids if id_ not in lost]
    failed = {id_: lost[id_] for id_ in ids if lost.get(id_, 0.0) > 0}
    known = drawn(failed, size - bool(untried), draw)
    new = draw.sample(untried, min(size - len(known), len(untried)))
    return [*known, *new]


def drawn(weights: Mapping[str, float], size: int, draw: random.Random) -> list[str]:
    """Draw by weight, without replacement.

    Source     Efraimidis and Spirakis 2006.
    """
    keys = {id_: draw.random() ** (1 / weight) for id_, weight in weights.items()}
    return sorted(keys, key=lambda id_: -keys[id_])[:size]
