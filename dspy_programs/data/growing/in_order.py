"""Work on many things, several at once; what comes out is in their order.

Guarantees things are taken only as they are needed. If taking one raises, what is at work is finished first: it is paid for.
           Threads see the caller's context, and those still at work when the caller leaves do not keep the process alive.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_order(work: Callable[[T], R], things: Iterable[T], at_once: int) -> Iterator[R]:
    """Yield what comes out for each thing. Raises what `work` raises, in its turn, and what taking a thing raises."""
    if at_once == 1:
        yield from map(work, things)
        return
    waiting: deque[Future[R]] = deque()
    left, stopped = iter(things), None
    while True:
        while stopped is None and sum(not each.done() for each in waiting) < at_once and len(waiting) < 4 * at_once:
            try:
                waiting.append(_begun(work, next(left)))
            except BaseException as error:  # the end, or a limit, or Ctrl-C
                stopped = error
        if not waiting:
            break
        if waiting[0].done():
            yield waiting.popleft().result()
        else:  # whoever is ready first makes room for the next
            wait([each for each in waiting if not each.done()], return_when=FIRST_COMPLETED)
    if stopped is not None and not isinstance(stopped, StopIteration):
        raise stopped


def _begun(work: Callable[[T], R], thing: T) -> Future[R]:
    future: Future[R] = Future()

    def run() -> None:
        try:
            future.set_result(work(thing))
        except BaseException as error:  # for who waits
            future.set_exception(error)

    threading.Thread(target=copy_context().run, args=(run,), daemon=True).start()
    return future
