"""Which pairs of a file are taken: a seeded sample of an exact size, then the first of them; streamed."""

import random
from collections.abc import Iterator
from pathlib import Path

from dspy_programs.data.pair import DataPair
from dspy_programs.data.pairs_file import read_pairs
from dspy_programs.errors import UsageError

SEED = 42  # the data flywheel's


def pairs_in(path: Path) -> int:
    """Return how many pairs a file has."""
    with path.open("rb") as lines:
        return sum(1 for line in lines if line.strip())


def size_of(total: int, sample: float, most: int | None) -> int:
    """Return how many pairs will be taken. Raises UsageError for a share that is none."""
    if not 0 < sample <= 1:
        raise UsageError(f"--sample {sample:g}: give a share above 0, at most 1")
    size = max(1, round(total * sample)) if total else 0
    return size if most is None else min(size, most)


def sampled(path: Path, total: int, sample: float = 1.0, most: int | None = None, seed: int = SEED) -> Iterator[DataPair]:
    """Yield the sample in the file's order: the same pairs for the same file, share and seed."""
    wanted, left, chance = size_of(total, sample, None), total, random.Random(seed)
    given = 0
    for pair in read_pairs(path):
        if wanted <= 0 or given == most:
            return
        take = sample == 1 or chance.random() * left < wanted  # selection sampling, Knuth's algorithm S
        left -= 1
        if take:
            wanted -= 1
            given += 1
            yield pair
