"""Blocks checked in several processes at once, the results in order.

Each process is a plain one that reads blocks and writes results through its pipes: it imports the checks only, not the
program that started it, and it ends when its input does, or is killed.
"""

import collections
import contextlib
import struct
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import IO

import dspy_programs
from dspy_programs.data.checks.blocks import Block
from dspy_programs.data.checks.checked_block import CheckedBlock
from dspy_programs.data.checks.options import CheckOptions
from dspy_programs.errors import RunError

_ROOT = str(Path(dspy_programs.__file__).parent.parent)
_PROGRAM = "import sys; sys.path.append({!r}); from dspy_programs.data.checks.process import main; main()"
_COMMAND = [sys.executable, "-P", "-c", _PROGRAM.format(_ROOT)]  # -P: no module comes from the working folder
_SIZES = struct.Struct("<Q")


def checked_in_processes(
    blocks: Iterable[Block], options: CheckOptions, processes: int
) -> Iterator[tuple[Block, CheckedBlock | None]]:
    """Yield each block with what was found, in order; None for a line that is too long. Raises RunError if a process dies."""
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(_Worker(options)) for _ in range(processes)]
        pool = stack.enter_context(ThreadPoolExecutor(processes))
        for worker in workers:
            stack.callback(worker.kill)  # first of all, so that no thread waits for one
        idle: SimpleQueue[_Worker] = SimpleQueue()
        for worker in workers:
            idle.put(worker)

        def check(block: Block) -> CheckedBlock | None:
            if block.text is None:
                return None
            worker = idle.get()
            try:
                return worker.check(block.text, block.line)
            finally:
                idle.put(worker)

        waiting: collections.deque[tuple[Block, Future[CheckedBlock | None]]] = collections.deque()
        for block in blocks:
            waiting.append((block._replace(text=block.text and b""), pool.submit(check, block)))
            if len(waiting) > 2 * processes:
                first, found = waiting.popleft()
                yield first, found.result()
        while waiting:
            first, found = waiting.popleft()
            yield first, found.result()


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

    def check(self, text: bytes, line: int) -> CheckedBlock:
        try:
            send(self._to, [text, str(line).encode()])
            return CheckedBlock.from_parts(received(self._from))
        except (OSError, EOFError, ValueError):
            raise RunError(
                "a process of the checks has ended; is there enough memory? run again, or use --processes 1"
            ) from None

    def kill(self) -> None:
        self._process.kill()


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
