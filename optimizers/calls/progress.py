"""One live line for a long run: work done, cost so far, time remaining.

On a terminal the line is redrawn in place; for a file or a pipe, a new line is printed every 15 seconds.
"""

import contextlib
import json
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from dspy_programs.atomic_file import write_atomically
from dspy_programs.errors import RunError, UsageError
from optimizers.calls.meter import Meter

SECONDS_BETWEEN_LINES = 15.0


class Progress:
    """Shows a meter until `expected` rows have run. The caller sets `phase` and `best`, a score.

    A line fits in 80 columns: a terminal cuts off the rest, which would be the time left.
    file: gets the same figures, with the limits, for those who watch the run's folder.
    """

    def __init__(self, meter: Meter, expected: int | None, out: IO[str] | None = None, file: Path | None = None) -> None:
        self.meter = meter
        self.file = file
        self.expected = expected
        self.phase = "starting"
        self.best: float | None = None
        self._first: tuple[int, float] | None = None
        out = out or sys.stdout
        terminal = out.isatty()  # ask the stream itself: in a notebook rich would redraw and pile up lines
        self.console = Console(file=out, highlight=False, soft_wrap=True, force_jupyter=False, force_terminal=terminal)
        self._done = threading.Event()

    def __rich__(self) -> Text:
        return Text(self.line(), no_wrap=True, overflow="ellipsis")

    def say(self, text: str) -> None:
        """Print a line above the live one."""
        self.console.print(text, markup=False)

    def line(self) -> str:
        meter = self.meter
        rows = f"{meter.metric_calls}/{self.expected}" if self.expected else f"{meter.metric_calls}"
        best = "" if self.best is None else f", best {self.best:.3f}"
        tokens = f"{meter.tokens:,}" if meter.tokens < 10_000 else f"{meter.tokens / 1000:,.0f}k"
        paid = f", ${meter.usd:.{4 if meter.usd < 1 else 2}f}" if meter.usd else ""
        left = f", {clock(eta)} left" if (eta := self.seconds_left()) is not None else ""
        return f"{self.phase} {rows} rows{best} | {tokens} tokens{paid} | {clock(meter.elapsed)}{left}"

    def seconds_left(self) -> float | None:
        """Use the pace since the first row: loading the model says nothing about it."""
        done, now = self.meter.metric_calls, self.meter.elapsed
        if self.expected is None or done < 1:
            return None
        self._first = self._first or (done, now)
        since = done - self._first[0]
        return max(0, self.expected - done) * (now - self._first[1]) / since if since else None

    @contextlib.contextmanager
    def live(self) -> Iterator["Progress"]:
        """Keep the line up to date while the block runs."""
        terminal = self.console.is_terminal
        ticker = threading.Thread(target=self._tick, args=(not terminal,), daemon=True)
        ticker.start()
        try:
            if terminal:
                with Live(self, console=self.console, refresh_per_second=4, redirect_stdout=False, redirect_stderr=False):
                    yield self
            else:
                yield self
        finally:
            self._done.set()
            ticker.join()
            self.note()
            if not terminal:
                self.say(self.line())

    def _tick(self, says: bool) -> None:
        self.note()
        while not self._done.wait(SECONDS_BETWEEN_LINES):
            self.note()
            if says:
                self.say(self.line())

    def note(self) -> None:
        """Write the figures to the file, if there is one; a disk that does not take them stops no run."""
        if self.file is None:
            return
        meter, limits = self.meter, self.meter.limits
        figures = {
            "phase": self.phase,
            "rows": meter.metric_calls,
            "expected_rows": self.expected,
            "best": self.best,
            "calls": meter.calls,
            "seconds_left": self.seconds_left(),
            "used": {"minutes": meter.elapsed / 60, "tokens": meter.tokens, "usd": meter.usd},
            "limits": {"minutes": limits.minutes, "tokens": limits.tokens, "usd": limits.usd},
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        with contextlib.suppress(UsageError):
            write_atomically(self.file, json.dumps(figures, indent=1) + "\n")


@contextlib.contextmanager
def noise_to(log: Path) -> Iterator[None]:
    """Redirect what DSPy, GEPA and their progress bars print to a file during the block. Raises RunError on a full disk."""
    import logging

    file = log.open("a", encoding="utf-8")
    logger = logging.getLogger("dspy")
    before: list[Any] = logger.handlers[:]
    logger.handlers = [logging.StreamHandler(file)]
    try:
        with contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
            yield
    finally:
        logger.handlers = before
        try:
            file.close()
        except OSError as error:
            line = "Free some space and run the same command again to resume"
            raise RunError(f"{log}: cannot write: {error.strerror}. {line}") from error


def clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
