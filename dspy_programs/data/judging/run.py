"""Judge many pairs, several at once: each judgment is handed on as soon as it is there.

Input      pairs, streamed; only a few wait at a time.
Output     Judged or a failure for each, in the order they come; with one at a time, the order of the pairs.
Guarantees one pair goes first, alone: a model that is not there is found out by one call. A failure is of its pair only, until
           the model fails MOST_LOST times in a row or writes unreadable replies too often in a row: then the run stops.
           Threads see the caller's context; those still at work when the run is left do not keep the process alive.
Raises     ModelFailing if there was no judgment before the run had to stop; what a user's mistake raises.
"""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import NamedTuple

from dspy_programs.data.judging.judges import Unjudged
from dspy_programs.data.judging.judgment import Judgment
from dspy_programs.data.judging.panel import Panel
from dspy_programs.data.pair import DataPair
from dspy_programs.errors import ModelFailing, ProgramsError

MOST_LOST = 3  # calls in a row without an answer; each was retried already
UNREADABLE_AT_FIRST, UNREADABLE_LATER = 12, 40  # replies in a row that cannot be read: before a readable one, and after


class Outcome(NamedTuple):
    """A pair's judgment, or why there is none."""

    pair_id: str
    judgment: Judgment | None
    failure: Unjudged | None


@dataclass
class Health:
    """Whether to go on asking. stopped: why not, "" while it is worth it."""

    stopped: str = ""
    answers: int = 0
    _lost: int = field(default=0)
    _unreadable: int = field(default=0)

    def note(self, outcome: Outcome) -> None:
        failure = outcome.failure
        if failure is None:
            self.answers, self._lost, self._unreadable = self.answers + 1, 0, 0
        elif failure.kind == "reply":
            self._lost, self._unreadable = 0, self._unreadable + 1
            if self._unreadable >= (UNREADABLE_LATER if self.answers else UNREADABLE_AT_FIRST):
                self.stopped = f"{self._unreadable} replies in a row could not be read; the last: {failure.reason}"
        elif failure.kind != "refused":
            self._lost += 1
            is_elsewhere = failure.kind == "unreachable" and not self.answers  # it was tried for half a minute
            if self._lost >= MOST_LOST or is_elsewhere or failure.kind == "hopeless":
                self.stopped = f"the model does not answer: {failure.reason}"


def outcomes(
    pairs: Iterable[DataPair], panel: Panel, at_once: int, health: Health, may_go_on: Callable[[], bool] = lambda: True
) -> Iterator[Outcome]:
    """Yield what comes out for each pair. may_go_on: asked before each pair; once it says no, only what is begun ends."""
    left = iter(pairs)
    if at_once == 1:
        work = (_outcome(panel, pair) for pair in _while(left, health, may_go_on))
        yield from _noted(work, health)
        return
    todo: queue.SimpleQueue[DataPair | None] = queue.SimpleQueue()
    done: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
    for _ in range(at_once):
        threading.Thread(target=copy_context().run, args=(_work, panel, todo, done), daemon=True).start()
    try:
        yield from _noted(_through(_while(left, health, may_go_on), todo, done, at_once, health), health)
    finally:
        for _ in range(at_once):
            todo.put(None)


def _while(pairs: Iterator[DataPair], health: Health, may_go_on: Callable[[], bool]) -> Iterator[DataPair]:
    while not health.stopped and may_go_on() and (pair := next(pairs, None)) is not None:
        yield pair


def _through(
    pairs: Iterator[DataPair],
    todo: "queue.SimpleQueue[DataPair | None]",
    done: "queue.SimpleQueue[Outcome | BaseException]",
    at_once: int,
    health: Health,
) -> Iterator[Outcome]:
    """Keep the threads busy, and yield what they bring; if the pairs end in an error, first what was begun."""
    at_work, more, broken = 0, True, None
    while at_work or more:
        while more and at_work < (at_once if health.answers else 1):
            try:
                pair = next(pairs, None)
            except ProgramsError as error:
                pair, broken = None, error
            more = pair is not None
            if pair is not None:
                todo.put(pair)
                at_work += 1
        if at_work:
            found = done.get()
            at_work -= 1
            if isinstance(found, BaseException):
                raise found
            yield found
    if broken is not None:
        raise broken


def _work(panel: Panel, todo: "queue.SimpleQueue[DataPair | None]", done: "queue.SimpleQueue[Outcome | BaseException]") -> None:
    while (pair := todo.get()) is not None:
        try:
            done.put(_outcome(panel, pair))
        except BaseException as error:  # for the thread that waits
            done.put(error)


def _outcome(panel: Panel, pair: DataPair) -> Outcome:
    pair = pair.identified()
    try:
        return Outcome(pair.id, panel.judgment(pair), None)
    except Unjudged as failure:
        return Outcome(pair.id, None, failure)


def _noted(found: Iterator[Outcome], health: Health) -> Iterator[Outcome]:
    for outcome in found:
        health.note(outcome)
        if health.stopped and not health.answers and outcome.failure is not None:
            raise ModelFailing(f"{health.stopped}; nothing was judged") from outcome.failure
        yield outcome
