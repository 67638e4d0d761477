"""Blocks checked, and rows compared, in several processes at once, the results in order.

Each process is a plain one that reads requests and writes results through its pipes: it imports the checks only, not the
program that started it, and it ends when its input does, or is killed.
"""

import collections
import contextlib
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import IO, TypeVar

import numpy as np
from numpy.typing import NDArray

import dspy_programs
from dspy_programs.data.checks.blocks import Block
from dspy_programs.data.checks.checked_block import CheckedBlock
from dspy_programs.data.checks.options import CheckOptions
from dspy_programs.data.checks.rows import Batch
from dspy_programs.errors import RunError

_ROOT = str(Path(dspy_programs.__file__).parent.parent)
_PROGRAM = "import sys; sys.path.append({!r}); from dspy_programs.data.checks.process import main; main()"
_COMMAND = [sys.executable, "-P", "-c", _PROGRAM.format(_ROOT)]  # -P: no module comes from the working folder
_SIZES = struct.Struct("<Q")

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Workers:
    """Processes of the checks, in a `with` block. Raises RunError if one dies."""

    def __init__(self, options: CheckOptions, processes: int) -> None:
        self._options, self._count = options, processes
        self._stack = contextlib.ExitStack()
        self._idle: SimpleQueue[_Worker] = SimpleQueue()

    def __enter__(self) -> "Workers":
        with contextlib.ExitStack() as stack:
            workers = [stack.enter_context(_Worker(self._options)) for _ in range(self._count)]
            self._pool = stack.enter_context(ThreadPoolExecutor(self._count))
            for worker in workers:
                stack.callback(worker.kill)  # first of all, so that no thread waits for one
                self._idle.put(worker)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def checked(self, blocks: Iterable[Block]) -> Iterator[tuple[Block, CheckedBlock | None]]:
        """Yield each block, without its text, with what was found; None for a line that is too long."""
        for block, found in in_order(blocks, self._started(self._check), 2 * self._count):
            yield block._replace(text=None), found

    def compared(self, batches: Iterable[Batch]) -> Iterator[tuple[list[tuple[int, int]], NDArray[np.float64]]]:
        """Yield the couples of each batch with their similarities."""
        for batch, found in in_order(batches, self._started(self._compare), 2 * self._count):
            yield batch.couples, found

    def _started(self, do: Callable[[Asked], Answer]) -> Callable[[Asked], Callable[[], Answer]]:
        return lambda asked: self._pool.submit(do, asked).result

    def _check(self, block: Block) -> CheckedBlock | None:
        if block.text is None:
            return None
        return CheckedBlock.from_parts(self._ask([b"check", str(block.line).encode(), block.text]))

    def _compare(self, batch: Batch) -> NDArray[np.float64]:
        return np.frombuffer(self._ask([b"compare", batch.places.tobytes(), *batch.lines])[0], np.float64)

    def _ask(self, parts: list[bytes]) -> list[bytes]:
        worker = self._idle.get()
        try:
            return worker.ask(parts)
        finally:
            self._idle.put(worker)


class _Worker:
    def __init__(self, options: CheckOptions) -> None:
        self._process = subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._to: IO[bytes] = self._process.stdin
        self._from: IO[bytes] = self._process.stdout
        send(self._to, [options.to_json()])

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()
        self._process.wait()
        with contextlib.suppress(OSError):  # what was not sent
            self._to.close()
        self._from.close()

    def ask(self, parts: list[bytes]) -> list[bytes]:
        try:
            send(self._to, parts)
            return received(self._from)
        except (OSError, EOFError, ValueError):
            raise RunError(
                "a process of the checks has ended; is there enough memory? run again, or use --processes 1"
            ) from None

    def kill(self) -> None:
        self._process.kill()


def in_order(
    asked: Iterable[Asked], start: Callable[[Asked], Callable[[], Answer]], ahead: int
) -> Iterator[tuple[Asked, Answer]]:
    """Yield each with its answer, in order; `start` begins one and returns what waits for it. ahead: begun, not yet yielded."""
    waiting: collections.deque[tuple[Asked, Callable[[], Answer]]] = collections.deque()
    for each in asked:
        waiting.append((each, start(each)))
        if len(waiting) > ahead:
            first, answer = waiting.popleft()
            yield first, answer()
    while waiting:
        first, answer = waiting.popleft()
        yield first, answer()


def send(to: IO[bytes], parts: list[bytes]) -> None:
    """Write pieces of bytes, so that `received` reads them."""
    to.write(b"".join([_SIZES.pack(len(parts)), *(_SIZES.pack(len(part)) for part in parts), *parts]))
    to.flush()


def received(source: IO[bytes]) -> list[bytes]:
    """Read what `send` wrote. Raises EOFError if there is no more."""
    count = _SIZES.unpack(_exactly(source, _SIZES.size))[0]
    sizes = [_SIZES.unpack(_exactly(source, _SIZES.size))[0] for _ in range(count)]
    return [_exactly(source, size) for size in sizes]


def _exactly(source: IO[bytes], size: int) -> bytes:
    found = source.read(size)
    if len(found) < size:
        raise EOFError
    return found
