"""Which train rows a proposal uses: failed rows that have not been shown often, and rows not tried yet.

A batch of perfect rows costs its calls and teaches nothing, and a row that was already run costs nothing again. But a row that
nothing fixes must not be in every batch.
"""

import random
from collections.abc import Mapping, Sequence

_UNTRIED = 1.0  # weight of all untried rows together, compared with the losses of failed ones


def loss_weighted_rows(
    ids: Sequence[str], lost: Mapping[str, float], used: Mapping[str, int], size: int, draw: random.Random
) -> list[str]:
    """Draw up to `size` rows, one by one: each untried, or failed.

    lost: id -> 1 - score, of the rows that this program has run; used: id -> how often a proposal was made from it.
    Guarantees as long as there are untried rows, the batch has at least one.
    """
    weights = {id_: lost[id_] / (1 + used.get(id_, 0)) ** 2 for id_ in ids if lost.get(id_, 0.0) > 0}
    untried = [id_ for id_ in ids if id_ not in lost]
    batch: list[str] = []
    while len(batch) < size and (weights or untried):
        last_chance = len(batch) == size - 1 and not any(id_ not in lost for id_ in batch)
        failed = draw.random() * (sum(weights.values()) + _UNTRIED * bool(untried)) < sum(weights.values())
        if untried and (last_chance or not failed):
            batch.append(untried.pop(draw.randrange(len(untried))))
        else:
            (chosen,) = draw.choices(list(weights), list(weights.values()))
            batch.append(chosen)
            del weights[chosen]
    return batch
