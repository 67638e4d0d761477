"""One thread that does work in the background, piece by piece, in the order in which it was given."""

import queue
import threading
from collections.abc import Callable


class Worker:
    """Does what it is given. on_error: told of an exception, after which the next piece is done."""

    def __init__(self, name: str, on_error: Callable[[Exception], object]) -> None:
        self.on_error = on_error
        self._work: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._idle = threading.Condition()
        self._waiting = 0
        self._thread = threading.Thread(target=self._run, daemon=True, name=name)
        self._thread.start()

    def give(self, work: Callable[[], object]) -> None:
        """Have something done later."""
        with self._idle:
            self._waiting += 1
        self._work.put(work)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until nothing is left to do; return whether that is so."""
        with self._idle:
            return self._idle.wait_for(lambda: self._waiting == 0, seconds)

    def close(self) -> None:
        """Finish what was given, and end."""
        if self._thread.is_alive():
            self._work.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                work()
            except Exception as error:  # nobody waits for it, so it is told
                self.on_error(error)
            finally:
                with self._idle:
                    self._waiting -= 1
                    self._idle.notify_all()
