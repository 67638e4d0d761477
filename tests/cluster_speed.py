"""python -m tests.cluster_speed [CALLS]: what a cluster of two workers on this machine costs.

A server in a process of its own answers at once, so that all that is measured is the way there and back.
"""

import contextlib
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import dspy
from dspy import lm15

from dspy_programs.cluster import Cluster, joined, spread
from dspy_programs.lm import connect
from tests.fakes import ChatServer

SPEC = "openai/scripted"


def serve(to: Connection) -> None:
    with ChatServer(lambda prompt: "yes") as server:
        to.send(server.url)
        to.recv()


def cost_of(lm: dspy.LM, calls: int) -> tuple[float, float]:
    """Return milliseconds a call, one after the other: of the clock, and of this process.

    By the clock it is the fastest tenth that counts: on a machine with other work the rest is about that.
    """
    request = lm15.Request(model=SPEC, messages=lm15.Message.user("x" * 4000))
    lm(request=request)
    times, spent = [], time.process_time()
    for _ in range(calls):
        start = time.perf_counter()
        lm(request=request)
        times.append(time.perf_counter() - start)
    return 1000 * sorted(times)[calls // 20], 1000 * (time.process_time() - spent) / calls


def processes_of_ray() -> Iterator[Path]:
    """Yield the folders in /proc of Ray's processes, the workers among them."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_bytes()
            if command.startswith(b"ray::") or b"/ray/" in command:
                yield folder


def seconds_of_ray() -> float:
    """Return how long all of Ray's processes have had a core."""
    total = 0
    for folder in processes_of_ray():
        with contextlib.suppress(OSError):
            total += sum(map(int, (folder / "stat").read_text().rpartition(")")[2].split()[11:13]))
    return total / os.sysconf("SC_CLK_TCK")


def megabytes_of_ray() -> float:
    """Return the memory of all of Ray's processes; what several share counts once."""
    total = 0
    for folder in processes_of_ray():
        with contextlib.suppress(OSError):
            lines = (folder / "smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(theirs,))
    server.start()
    base = ours.recv()
    lm = connect(SPEC, api_base=base)
    here = cost_of(lm, calls)
    start = time.perf_counter()
    with joined(Cluster(2)):
        started = time.perf_counter()
        with spread(lm, Cluster(2), 2) as asked:
            ready = time.perf_counter()
            spent = seconds_of_ray()
            there = cost_of(asked, calls)
            spent, memory = seconds_of_ray() - spent, megabytes_of_ray()
    ours.send("end")
    server.join()
    print(f"start       {started - start:.1f} s the cluster, {ready - started:.1f} s two workers")
    print(f"a call      {here[0]:.1f} ms here, {there[0]:.1f} ms on a worker: {there[0] - here[0]:.1f} ms more")
    print(f"of a core   {here[1]:.1f} ms here; {there[1]:.1f} ms by the driving process, {1000 * spent / calls:.1f} ms by Ray")
    print(f"memory      {memory:.0f} MB in all processes of Ray")


if __name__ == "__main__":
    main()
