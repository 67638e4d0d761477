"""Which train rows a proposal is made from: rows not tried yet, and those on which most was lost.

A batch of perfect rows costs its calls and teaches nothing. Programs whose rules answer most rows have many of them.
"""

import random
from collections.abc import Mapping
from typing import Any

UNTRIED = 1.0  # the weight of a row that was not tried yet
LEAST = 0.1  # of a perfect row: another prompt may break it


class HardRows:
    """GEPA's batch sampler, and the callback that tells it what was lost.

    Holds      the same seed and the same scores give the same batches, whatever ran before in this process.
    Source     drawing by weight without replacement: Efraimidis and Spirakis 2006.
    """

    def __init__(self, size: int, seed: int) -> None:
        self.size, self.seed = size, seed
        self.lost: dict[Any, float] = {}
        self.drawn: list[Any] = []

    def next_minibatch_ids(self, loader: Any, state: Any) -> list[Any]:
        draw = random.Random(f"{self.seed}-{state.i}")
        keys = {row: draw.random() ** (1 / self.weight(row)) for row in loader.all_ids()}
        self.drawn = sorted(keys, key=lambda row: -keys[row])[: self.size]
        return self.drawn

    def weight(self, row: Any) -> float:
        return max(LEAST, self.lost.get(row, UNTRIED))

    def on_evaluation_end(self, event: Mapping[str, Any]) -> None:
        """Note what the current candidate lost on the batch at hand; a proposal that may be dropped says nothing yet."""
        if event["candidate_idx"] is not None and len(event["scores"]) == len(self.drawn):
            self.lost |= {row: 1 - score for row, score in zip(self.drawn, event["scores"], strict=True)}
