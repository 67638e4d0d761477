"""python -m tests.cluster_speed [CALLS]: what a cluster of two workers on this machine costs, in seconds, milliseconds and memory.

A server in a process of its own answers at once, so that all that is measured is the way there and back.
"""

import multiprocessing
import sys
import time
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
    """Return milliseconds a call, one after the other: of the clock, and of this process."""
    request = lm15.Request(model=SPEC, messages=lm15.Message.user("x" * 4000))
    lm(request=request)
    start, spent = time.perf_counter(), time.process_time()
    for _ in range(calls):
        lm(request=request)
    return 1000 * (time.perf_counter() - start) / calls, 1000 * (time.process_time() - spent) / calls


def megabytes_of_ray() -> float:
    """Return the memory of all processes of Ray, without what they share."""
    total = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"ray" in (folder / "cmdline").read_bytes().split(b"\0")[0] or b"/ray/" in (folder / "cmdline").read_bytes():
                [size] = [line for line in (folder / "smaps_rollup").read_text().splitlines() if line.startswith("Pss:")]
                total += int(size.split()[1]) / 1024
        except (OSError, ValueError):
            continue
    return total


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
            there, memory = cost_of(asked, calls), megabytes_of_ray()
    ours.send("end")
    server.join()
    print(f"start       {started - start:.1f} s the cluster, {ready - started:.1f} s two workers")
    print(f"a call      {here[0]:.1f} ms here, {there[0]:.1f} ms on a worker: {there[0] - here[0]:.1f} ms more")
    print(f"of a core   {here[1]:.1f} ms here, {there[1]:.1f} ms of the driving process with workers")
    print(f"memory      {memory:.0f} MB in all processes of Ray")


if __name__ == "__main__":
    main()
