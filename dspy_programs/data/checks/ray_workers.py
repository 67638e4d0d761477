"""What `Workers` do, on the workers of a Ray cluster: blocks are sent, and findings come back in order.

The file is read by the process that was started; test sets of the check contamination are read by the workers, so on a cluster
of several machines they must be on a disk that all of them see.

Guarantees the findings are those of one process. A worker that is killed is replaced, and its blocks are checked again.
"""

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dspy_programs.cluster import Cluster, joined, lost
from dspy_programs.data.checks.blocks import Block
from dspy_programs.data.checks.checked_block import CheckedBlock
from dspy_programs.data.checks.checker import Checker
from dspy_programs.data.checks.comparing import similarities
from dspy_programs.data.checks.options import CheckOptions
from dspy_programs.data.checks.rows import Batch
from dspy_programs.data.checks.workers import in_order

_TRIES = 3  # of a block whose worker was killed


class RayWorkers:
    """Workers of a cluster, in a `with` block. Raises RunError if they die again and again."""

    def __init__(self, options: CheckOptions, cluster: Cluster) -> None:
        self._options, self._cluster = options, cluster
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "RayWorkers":
        self._ray = self._stack.enter_context(joined(self._cluster))
        self._check, self._compare = (
            self._ray.remote(do).options(max_retries=_TRIES, num_cpus=1, scheduling_strategy="SPREAD")
            for do in (check, compare)
        )
        self._known = self._options.to_json()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def checked(self, blocks: Iterable[Block]) -> Iterator[tuple[Block, CheckedBlock | None]]:
        """Yield each block, without its text, with what was found; None for a line that is too long."""
        for block, found in in_order(blocks, self._started_check, 2 * self._cluster.workers):
            yield block._replace(text=None), found

    def compared(self, batches: Iterable[Batch]) -> Iterator[tuple[list[tuple[int, int]], NDArray[np.float64]]]:
        """Yield the couples of each batch with their similarities."""
        for batch, found in in_order(batches, self._started_comparison, 2 * self._cluster.workers):
            yield batch.couples, found

    def _started_check(self, block: Block) -> Callable[[], CheckedBlock | None]:
        if block.text is None:
            return lambda: None
        asked = self._check.remote(self._known, block.line, block.text)
        return lambda: CheckedBlock.from_parts(self._answer(asked))

    def _started_comparison(self, batch: Batch) -> Callable[[], NDArray[np.float64]]:
        asked = self._compare.remote(self._options.near_threshold, batch.places.tobytes(), batch.lines)
        return lambda: np.frombuffer(self._answer(asked), np.float64)

    def _answer(self, asked: Any) -> Any:
        with lost():
            return self._ray.get(asked)


def check(options: bytes, line: int, text: bytes) -> list[bytes]:
    """Check a block on a worker; line: the number of its first one."""
    return _checker(options).check_block(text, line).as_parts()


def compare(threshold: float, places: bytes, lines: list[bytes]) -> bytes:
    """Compare rows on a worker; places: couples of places among the lines."""
    return similarities(lines, np.frombuffer(places, np.uint32).reshape(-1, 2), threshold).tobytes()


@functools.lru_cache(maxsize=2)
def _checker(options: bytes) -> Checker:
    return Checker(CheckOptions.from_json(options))
