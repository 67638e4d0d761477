"""Where operations run: a few parallel worker threads, each of which can be stopped.

Input      a call that takes a `progress` callback (done, total), as the tools do.
Output     its result; ServeError for whatever it raised.
Guarantees a stopped call raises at its next progress report, or before its next request to the model, and does nothing more;
           its slot is free only then, so `at_once` is exact; a call that waits too long, or finds the queue full, is
           refused; every call uses the server's language model, and no other thread sees it.
"""

import asyncio
import concurrent.futures
import functools
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import dspy

from dspy_programs.lm import running_on, use
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.problems import Busy, TooSlow, Unavailable, to_serve_error
from dspy_programs.serve.stoppable import stoppable

Progress = Callable[[int, int], None]
_OnProgress = Callable[[int, int], Awaitable[None]]
Result = TypeVar("Result")
_GLANCE = 0.2  # seconds between progress checks


class Stopped(BaseException):
    """Raised inside a call by its progress callback or its model when nobody waits for the result any more.

    Not an Exception, so that no handler in a tool or DSPy can catch it and keep the work going.
    """


class Work:
    """One running call. Its thread calls `progress`, the event loop calls `stop`."""

    def __init__(self, ends: float) -> None:
        """ends: when it will be stopped, on the monotonic clock."""
        self.at, self.ends = (0, 0), ends
        self._stop = threading.Event()

    def progress(self, done: int, total: int) -> None:
        """total: 0 where there is no news, and a call only asks whether to go on."""
        if total:
            self.at = (done, total)
        self.check()

    def check(self) -> None:
        if self._stop.is_set():
            raise Stopped

    def stop(self) -> None:
        self._stop.set()


class _Lane:
    """Places of calls of one kind, and how many calls wait for one."""

    def __init__(self, at_once: int) -> None:
        self.places, self.waiting = asyncio.Semaphore(at_once), 0


class WorkerPool:
    """Runs calls. One per server."""

    def __init__(self, limits: Limits, lm: dspy.LM | None = None) -> None:
        """Make a worker_pool; it accepts calls immediately.

        Args:
            limits: How much one request may ask for, and how much runs at once.
            lm: The model of every call; None for the rules.
        """
        self.limits, self.lm = limits, lm
        self.open()

    def open(self) -> None:
        """Accept calls, in whichever event loop comes next."""
        self.closed = False
        self._lanes = {asks_model: _Lane(self.limits.at_once) for asks_model in (True, False)}
        self._running: dict[asyncio.Future[Any], Work] = {}

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def waiting(self) -> int:
        return sum(lane.waiting for lane in self._lanes.values())

    async def run(
        self, call: Callable[[Progress], Result], on_progress: _OnProgress | None = None, asks_model: bool = True
    ) -> Result:
        """Return the call's result. `on_progress` receives progress a few times a second. Cancelling this stops the call.

        asks_model: whether the call may ask the model. Others have places of their own, so a dead model does not delay them.
        Raises Busy, Unavailable, TooSlow, or the ServeError for what the call raised.
        """
        ends = time.monotonic() + self.limits.seconds
        lane = self._lanes[asks_model]
        await self._place(lane, ends)
        work = Work(ends)
        future = self._start(work, call, lane)
        try:
            return await self._outcome(future, work, ends, on_progress)
        finally:
            work.stop()

    async def _place(self, lane: _Lane, ends: float) -> None:
        if self.closed:
            raise Unavailable("the server is shutting down")
        if lane.places.locked() and lane.waiting >= self.limits.waiting:
            raise Busy(f"{self.running} requests are running and {self.waiting} are waiting; try again in a second")
        lane.waiting += 1
        try:
            async with asyncio.timeout(ends - time.monotonic()):
                await lane.places.acquire()
        except TimeoutError:
            raise Unavailable(f"no worker was free for {self.limits.seconds:g} s; try again later") from None
        finally:
            lane.waiting -= 1
        if self.closed:
            lane.places.release()
            raise Unavailable("the server is shutting down")

    def _start(self, work: Work, call: Callable[[Progress], Result], lane: _Lane) -> asyncio.Future[Result]:
        outcome: concurrent.futures.Future[Result] = concurrent.futures.Future()
        outcome.set_running_or_notify_cancel()
        future = asyncio.wrap_future(outcome)
        self._running[future] = work
        future.add_done_callback(functools.partial(self._ended, lane))
        threading.Thread(target=self._in_thread, args=(outcome, work, call), name="operation", daemon=True).start()
        return future

    def _in_thread(self, outcome: "concurrent.futures.Future[Result]", work: Work, call: Callable[[Progress], Result]) -> None:
        try:
            with use(None) if self.lm is None else running_on(stoppable(self.lm, work.check, work.ends)):
                outcome.set_result(call(work.progress))
        except Stopped as stopped:
            outcome.set_exception(stopped)
        except Exception as error:  # the boundary between tools and clients: whatever it is, a client waits for it
            outcome.set_exception(to_serve_error(error))

    def _ended(self, lane: _Lane, future: "asyncio.Future[Any]") -> None:
        del self._running[future]
        lane.places.release()
        future.exception()  # retrieve it, or asyncio logs an unretrieved exception

    async def _outcome(
        self, future: "asyncio.Future[Result]", work: Work, ends: float, on_progress: _OnProgress | None
    ) -> Result:
        last = work.at
        while not future.done() and not self.closed and (left := ends - time.monotonic()) > 0:
            await asyncio.wait({future}, timeout=min(_GLANCE, left))
            if on_progress is not None and work.at != last:
                last = work.at
                await on_progress(*last)
        if future.done():
            try:
                return future.result()
            except Stopped:
                raise Unavailable("the server is shutting down") from None
        if self.closed:
            raise Unavailable("the server is shutting down")
        raise TooSlow(f"not finished after {self.limits.seconds:g} s, so it was stopped; ask for less at a time")

    def close(self) -> None:
        """Stop running work and accept nothing more. May be called from a signal handler."""
        self.closed = True
        for work in list(self._running.values()):
            work.stop()

    async def ended(self) -> None:
        """Wait until the threads are done, but no longer than the limits allow: they are daemons."""
        self.close()
        if self._running:
            await asyncio.wait(set(self._running), timeout=self.limits.seconds_to_stop)
