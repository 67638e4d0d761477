"""python -m tests.log_bus_speed [--megabytes 1000]: what it costs to follow so many megabytes of logs into a store.

One file is written (see tests.code_speed), then read by `code up --once` and by `code context` in processes of their own. Told
of each: megabytes a second of the clock and of processor time, the most memory, and what was found; and the same for a file
that is one line, and for many files that are quiet.
Not a test: timings on a shared machine are for reading, not for passing.
"""

import argparse
import multiprocessing
import multiprocessing.connection
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from dspy_programs.code.log_bus import Bus, follow, opened_storage, sources_of
from dspy_programs.logs import log_context
from tests.code_speed import write_log


def kept(log: Path, db: Path) -> str:
    """Follow to the end of what is there."""
    bus = Bus(opened_storage(db))
    for _ in follow(bus, sources_of([log], once=True), once=True, interval=0):
        pass
    told = bus.containers()
    events = sum(sum(one.counts.values()) for one in told)
    return f"{events:,} events, {sum(one.entries for one in told):,} entries, {db.stat().st_size / 1e6:.1f} MB on disk"


def counted(log: Path) -> str:
    found = log_context([log])
    return f"{found.events:,} events of {len(found.kinds)} kinds"


def measured(name: str, megabytes: float, work: Callable[..., str], *arguments: Path) -> None:
    """Do it in a process of its own; print what it cost."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_child, args=(theirs, work, arguments))
    process.start()
    theirs.close()
    told, clock, processor, before, peak = ours.recv()
    process.join()
    speed = f"{megabytes / clock:.0f} MB/s ({megabytes / processor:.0f} of processor time)"
    print(f"{name}: {clock:.1f} s, {speed}; {peak:.0f} MB of memory at most, {before:.0f} before; {told}", flush=True)


def _child(pipe: "multiprocessing.connection.Connection", work: Callable[..., str], arguments: tuple[Path, ...]) -> None:
    before, began, used = _megabytes(), time.monotonic(), time.process_time()
    told = work(*arguments)
    pipe.send((told, time.monotonic() - began, time.process_time() - used, before, _megabytes()))


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def write_one_line(path: Path, megabytes: int) -> None:
    with path.open("wb") as file:
        file.write(b"ERROR ")
        for _ in range(megabytes):
            file.write(b"x" * 1_000_000)


def looks(folder: Path, db: Path) -> str:
    """Look ten times at files in which nothing happens."""
    bus, sources = Bus(opened_storage(db)), sources_of([folder])
    list(follow(bus, sources_of([folder], once=True), once=True, interval=0))
    followed = list(sources.now())
    for one in followed:
        one.restore(bus.position(one.key))
        one.read(1_000)
    began = time.process_time()
    for _ in range(10):
        for one in followed:
            one.read(1_000)
    return f"{len(followed):,} files, {(time.process_time() - began) * 100:.1f} ms of processor time a look"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1_000)
    parser.add_argument("--files", type=int, default=10_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as aside:
        log, line = Path(aside, "app.log"), Path(aside, "line.log")
        write_log(log, asked.megabytes)
        size = log.stat().st_size / 1e6
        measured(f"up of {size:.0f} MB", size, kept, log, Path(aside, "e.sqlite"))
        measured(f"context of {size:.0f} MB", size, counted, log)
        log.unlink()
        write_one_line(line, asked.megabytes)
        measured(f"up of one line of {asked.megabytes} MB", asked.megabytes, kept, line, Path(aside, "l.sqlite"))
        line.unlink()
        folder = Path(aside, "many")
        folder.mkdir()
        for number in range(asked.files):
            (folder / f"{number}.log").write_text("INFO quiet\n")
        measured(f"{asked.files:,} quiet files", 0, looks, folder, Path(aside, "m.sqlite"))


if __name__ == "__main__":
    main()
