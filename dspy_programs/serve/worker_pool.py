"""Where operations run: a few parallel worker threads, each of which can be stopped; large work by the rules in processes.

Input      a call that takes a `progress` callback (done, total), as the tools do.
Output     its result; ServeError for whatever it raised.
Guarantees a stopped process is killed; a stopped thread raises at its next progress report, or before its next request to the
           model, and does nothing more; a place is free only then, so `at_once` is exact; a call that waits too long, or finds
           the queue full, is refused; every call uses the server's language model, and no other thread sees it.
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
from dspy_programs.serve.keys import CALLER
from dspy_programs.serve.lanes import Lane
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.problems import TooSlow, Unavailable, to_serve_error
from dspy_programs.serve.rule_processes import RuleProcesses
from dspy_programs.serve.spending import Meter, Spending
from dspy_programs.serve.stoppable import Stopped, stoppable

Progress = Callable[[int, int], None]
OnProgress = Callable[[int, int], Awaitable[None]]
Result = TypeVar("Result")
_GLANCE = 0.2  # seconds between progress checks


class Work:
    """One running call. Its thread calls `progress`, the event loop calls `stop`."""

    def __init__(self, ends: float, meter: Meter) -> None:
        """ends: when it will be stopped, on the monotonic clock; meter: what it may use of the model."""
        self.at, self.ends, self.meter = (0, 0), ends, meter
        self.on_stop: Callable[[], None] | None = None
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
        if self.on_stop is not None:
            self.on_stop()


class WorkerPool:
    """Runs calls. One per server."""

    def __init__(self, limits: Limits, lm: dspy.LM | None = None) -> None:
        """Make a worker_pool; it accepts calls immediately.

        Args:
            limits: How much one request may ask for, and how much runs at once.
            lm: The model of every call; None for the rules.
        """
        self.limits, self.lm = limits, lm
        self.spending = Spending(limits)
        self.open()

    def open(self) -> None:
        """Accept calls, in whichever event loop comes next."""
        self.closed, self.processes = False, RuleProcesses()
        threads, processes = self.limits.at_once, self.limits.processes
        places = {"model": threads, "rules": threads, "processes": processes, "parsing": 1}
        self._lanes = {name: Lane(at_once, self.limits.waiting) for name, at_once in places.items()}
        self._running: dict[asyncio.Future[Any], Work] = {}

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def waiting(self) -> int:
        return sum(lane.waiting for lane in self._lanes.values())

    async def run(
        self,
        call: Callable[[Progress], Result],
        on_progress: OnProgress | None = None,
        asks_model: bool = True,
        model_calls: int = 0,
    ) -> Result:
        """Return the call's result. `on_progress` receives progress a few times a second. Cancelling this stops the call.

        asks_model: whether the call may ask the model. Others have places of their own, so a dead model does not delay them.
        model_calls: how many it may make.
        Raises Busy, Unavailable, TooSlow, Spent, TooLarge, or the ServeError for what the call raised.
        """
        meter = self.spending.begin(CALLER.get() or "", model_calls if self.lm else 0)

        def work_on(work: Work) -> Result:
            with use(None) if self.lm is None else running_on(stoppable(self.lm, work.check, work.ends, work.meter)):
                return call(work.progress)

        return await self._run("model" if asks_model else "rules", work_on, meter, on_progress)

    async def run_in_process(self, job: str, body: bytes, on_progress: OnProgress | None = None) -> bytes:
        """Return a worker process's answer to a job by the rules (rule_process.py), which is killed if it takes too long.

        Raises what `run` raises. Cancelling this stops the job.
        """
        meter = self.spending.begin(CALLER.get() or "", 0)
        lane = (
            "parsing" if job.startswith(("light", "check")) else "processes"
        )  # one is quick, and does not wait for the others
        return await self._run(lane, lambda work: self.processes.answer(job, body, work), meter, on_progress)

    def by_rules(self, asks_model: bool = True) -> bool:
        """Whether such a call has no model to ask, so that a process can do it."""
        return self.lm is None or not asks_model

    async def _run(
        self, lane_name: str, call: Callable[[Work], Result], meter: Meter, on_progress: OnProgress | None
    ) -> Result:
        ends = time.monotonic() + self.limits.seconds
        lane = self._lanes[lane_name]
        key = CALLER.get() or ""
        await self._place(lane, key, ends)
        work = Work(ends, meter)
        future = self._start(work, call, functools.partial(lane.give_back, key))
        try:
            return await self._outcome(future, work, ends, on_progress)
        finally:
            work.stop()
            del future  # as in _outcome

    async def _place(self, lane: Lane, key: str, ends: float) -> None:
        if self.closed:
            raise Unavailable("the server is shutting down")
        try:
            await lane.take(key, ends)
        except TimeoutError:
            raise Unavailable(f"no worker was free for {self.limits.seconds:g} s; try again later") from None
        if self.closed:
            lane.give_back(key)
            raise Unavailable("the server is shutting down")

    def _start(self, work: Work, call: Callable[[Work], Result], give_back: Callable[[], None]) -> asyncio.Future[Result]:
        outcome: concurrent.futures.Future[Result] = concurrent.futures.Future()
        outcome.set_running_or_notify_cancel()
        future = asyncio.wrap_future(outcome)
        self._running[future] = work
        future.add_done_callback(functools.partial(self._ended, give_back))
        threading.Thread(target=self._in_thread, args=(outcome, work, call), name="operation", daemon=True).start()
        return future

    def _in_thread(self, outcome: "concurrent.futures.Future[Result]", work: Work, call: Callable[[Work], Result]) -> None:
        try:
            outcome.set_result(call(work))
        except Stopped as stopped:
            outcome.set_exception(stopped.with_traceback(None))
        except Exception as error:  # the boundary between tools and clients: whatever it is, a client waits for it
            outcome.set_exception(to_serve_error(error).with_traceback(None))

    def _ended(self, give_back: Callable[[], None], future: "asyncio.Future[Any]") -> None:
        del self._running[future]
        give_back()
        future.exception()  # retrieve it, or asyncio logs an unretrieved exception

    async def _outcome(
        self, future: "asyncio.Future[Result]", work: Work, ends: float, on_progress: OnProgress | None
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
            except Stopped as stopped:
                raise stopped.why or Unavailable("the server is shutting down") from None
            finally:
                del future  # its exception has this frame: a ring, which would keep the body until Python looks for rings
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
        self.processes.close()
