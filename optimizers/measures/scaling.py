"""Where more workers stop helping: the real scheduling, with a scripted model and a clock that nobody waits for.

Real       the runner and its threads, the order of rows, DSPy's calls, the journal and its locks, and how often a refused call
           is tried again.
Simulated  time: a model's latency, its rate limit, what one call costs the process that drives the run, what Ray adds to it.
Output     deterministic: the same arguments give the same figures, whatever the threads do, because one thread moves at a time.
"""

import heapq
import json
import math
import random
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import dspy
from dspy import lm15

from dspy_programs.lm import RETRIES
from metrics.score import Score
from optimizers.calls import Journal, Meter, recorded
from optimizers.scoring import Runner

WORKERS = (1, 2, 4, 8, 16, 32, 64)
MINIBATCH = 4  # rows that a search runs before it decides what to run next
_SHARES: dict["Shape", float] = {"evaluate": 1.0, "online": 0.5, "train": 0.125}
_NUMBER = re.compile(r"row-(\d+)")

Shape = Literal["evaluate", "online", "train"]
"""How rows come: all at once; as many as there are workers, for two programs in turn; a few, then a decision."""


@dataclass(frozen=True)
class World:
    """median, spread: of a latency in seconds, lognormal; stragglers: the share that takes `late` times as long.

    rate: calls a second that the server takes, None for any number; driver, ray: seconds a call costs the driving process, and
    adds on its way to a worker and back; each: calls under way on one worker.
    """

    median: float = 1.0
    spread: float = 0.5
    stragglers: float = 0.03
    late: float = 8.0
    rate: float | None = 20.0
    driver: float = 0.005
    ray: float = 0.007
    each: int = 1

    def latency(self, row: int) -> float:
        draw = random.Random(f"latency-{row}")
        seconds = self.median * math.exp(draw.gauss(0, self.spread))
        return seconds * (self.late if draw.random() < self.stragglers else 1.0)


class Run(NamedTuple):
    """One simulated run. rate: calls a second; refused: answers "too many requests"; gave_up: calls refused to the last."""

    shape: Shape
    workers: int
    rows: int
    rate: float
    refused: int
    gave_up: int


@dataclass
class Clock:
    """Time that passes when all who could work wait: then the first of them goes on, and nobody else."""

    now: float = 0.0
    able: int = 0  # threads that have a row
    rows: int = 0  # not done yet
    _waiting: list[tuple[float, int, int, threading.Event]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _count: int = 0

    def begin(self, rows: int, threads: int) -> None:
        self.rows, self.able = rows, threads

    def sleep(self, seconds: float, rank: int) -> None:
        """Wait; of those who wait for the same moment, the lowest rank is first."""
        ready = threading.Event()
        with self._lock:
            self._count += 1
            heapq.heappush(self._waiting, (self.now + seconds, rank, self._count, ready))
            self._go_on()
        ready.wait()

    def row_done(self) -> None:
        with self._lock:
            self.rows -= 1
            self._go_on()

    def _go_on(self) -> None:
        if self._waiting and len(self._waiting) >= min(self.able, self.rows):
            self.now, _, _, ready = heapq.heappop(self._waiting)
            ready.set()


class Server:
    """An engine for DSPy: the driving process, a worker, and a server that refuses what is over its rate."""

    supports_response_schema = True
    supports_function_calling = supports_reasoning = False
    supported_params = frozenset({"response_format", "temperature", "max_tokens"})

    def __init__(self, world: World, clock: Clock) -> None:
        self.world, self.clock = world, clock
        self.refused = self.gave_up = 0
        self._free = self._full = 0.0  # when the driver is free again; when the allowance is whole again

    def __deepcopy__(self, memo: dict[int, Any]) -> "Server":
        return self

    def complete(self, request: lm15.Request) -> lm15.Response:
        row = int(_NUMBER.findall(request.messages[-1].text or "")[-1])
        self.clock.sleep(0, row)
        self._free = max(self.clock.now, self._free) + self.world.driver  # one process, so one call after the other
        self.clock.sleep(self._free - self.clock.now + self.world.ray, row)
        for attempt in range(RETRIES + 1):
            if not (wait := self.refused_for()):
                break
            self.refused += 1
            self.gave_up += attempt == RETRIES
            self.clock.sleep(wait if wait > 1 else 2.0**attempt, row)
        self.clock.sleep(self.world.latency(row), row)
        reply = json.dumps({"answer": "yes"})
        usage = lm15.Usage(input_tokens=1, output_tokens=1)
        message = lm15.Message.assistant(reply)
        return lm15.Response(id=None, model="simulated", message=message, finish_reason="stop", usage=usage)

    def refused_for(self) -> float:
        """Take one of the calls that are allowed, or return the whole seconds that the server asks to wait."""
        if self.world.rate is None:
            return 0.0
        full = max(self.clock.now, self._full) + 1 / self.world.rate
        if full - self.clock.now <= 1:  # a second's worth may come at once
            self._full = full
            return 0.0
        return float(math.ceil(full - self.clock.now - 1))

    def close(self) -> None:
        """Nothing is open."""


def simulated(world: World, rows: int, workers: Sequence[int] = WORKERS) -> Iterator[Run]:
    """Yield every shape with every number of workers; shapes that are slower get fewer rows."""
    for shape, share in _SHARES.items():
        for count in workers:
            yield run(world, shape, max(MINIBATCH, int(share * rows)), count)


def run(world: World, shape: Shape, rows: int, workers: int) -> Run:
    """Run so many rows once, of an online round half for each program."""
    clock = Clock()
    server = Server(world, clock)
    meter = Meter(clock=lambda: clock.now)
    lm = dspy.LM("simulated/model", engine=server, cache=False, num_retries=0)
    threads = workers * world.each
    runner = Runner(recorded(lm, "task", Journal(), meter), meter, threads)
    examples = [dspy.Example(id=f"row-{number}", question=f"row-{number}").with_inputs("question") for number in range(rows)]
    program = dspy.Predict("question -> answer")

    def metric(row: dspy.Example, prediction: dspy.Prediction) -> Score:
        clock.row_done()
        return Score(1.0, "", {})

    for batch in _batches(shape, examples, threads):
        clock.begin(len(batch), threads)
        list(runner.run(lambda row: program, batch, metric))
    return Run(shape, workers, rows, rows / clock.now, server.refused, server.gave_up)


def _batches(shape: Shape, rows: list[dspy.Example], threads: int) -> Iterator[list[dspy.Example]]:
    size = {"evaluate": len(rows), "online": max(1, min(threads, len(rows) // 2)), "train": MINIBATCH}[shape]
    return (rows[start : start + size] for start in range(0, len(rows), size))
