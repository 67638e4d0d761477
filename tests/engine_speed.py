"""python -m tests.engine_speed: tokens a second an embedded model writes alone, beside one busy core, and two at once.

For each way in which its threads may wait: GOMP_SPINCOUNT, "passive" (OMP_WAIT_POLICY) or "none" (nothing is set). All
ways take turns in every round of one run, in alternating order, so what is compared was measured side by side: the
medians of ratios within a round, with the least and the greatest.

Not a test: timings on a shared machine are for reading, not for passing.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple

WAYS = ("none", "100000", "10000", "5000", "2000", "1000", "passive")
WORKER = """
import sys
from dspy_programs.lm import connect

if sys.argv[2] == "none":
    import xllamacpp  # before the engine sets what nobody chose
server = connect(sys.argv[1]).engine.server()
message = {"role": "user", "content": "Tell a long story about a dog and a river."}
for line in sys.stdin:
    body = {"messages": [message], "max_tokens": int(line), "temperature": 0.0, "seed": 0, "ignore_eos": True}
    print(server.handle_chat_completions(body)["timings"]["predicted_per_second"], flush=True)
"""
BUSY = "while True: pass"


class Speeds(NamedTuple):
    """Tokens a second; `both`: of each of two processes, on average."""

    alone: float
    busy: float
    both: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lm", default="local/smollm2-135m", help="an embedded model; two of it must fit in memory")
    parser.add_argument(
        "--spin", nargs="+", default=WAYS, metavar="COUNT", help='counts, "none" or "passive"; the first is 1.00'
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=100, help="written in each measurement")
    asked = parser.parse_args()
    rounds = []
    for number in range(asked.rounds):
        ways = asked.spin if number % 2 == 0 else asked.spin[::-1]
        rounds.append({way: measured(asked.lm, way, asked.tokens) for way in ways})
        print(f"round {number + 1} of {asked.rounds} done", file=sys.stderr)
    print(f"{asked.lm}, {asked.tokens} tokens, {asked.rounds} rounds, {cores()} cores; median (least to greatest)")
    print(f"{'spin':>8}  {'tokens/s alone':>14}  {'alone':>20}  {'beside a busy core':>20}  {'two at once, each':>20}")
    for way in asked.spin:
        print(row(way, asked.spin[0], rounds))


def measured(spec: str, way: str, tokens: int) -> Speeds:
    """Start two processes, let both load and read the prompt, and measure one, one beside a busy core, and both."""
    with worker(spec, way) as one, worker(spec, way) as two:
        for process in (one, two):
            speeds([process], 8)
        [alone] = speeds([one], tokens)
        with started([sys.executable, "-c", BUSY], {}):
            [busy] = speeds([one], tokens)
        return Speeds(alone, busy, statistics.mean(speeds([one, two], tokens)))


def speeds(workers: list[subprocess.Popen[str]], tokens: int) -> list[float]:
    """Let all write at the same time."""
    for process in workers:
        process.stdin.write(f"{tokens}\n")
        process.stdin.flush()
    return [float(process.stdout.readline()) for process in workers]


def worker(spec: str, way: str) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
    chosen = {"none": {}, "passive": {"OMP_WAIT_POLICY": "passive"}}.get(way, {"GOMP_SPINCOUNT": way})
    return started([sys.executable, "-c", WORKER, spec, way], chosen | {"DSPY_PROGRAMS_SHARE": "0"})


@contextlib.contextmanager
def started(command: list[str], variables: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    known = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen(command, text=True, env=known | variables, **pipes)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def row(way: str, first: str, rounds: list[dict[str, Speeds]]) -> str:
    mine = [each[way] for each in rounds]
    tokens = statistics.median(speed.alone for speed in mine)
    shares = [
        [each[way].alone / each[first].alone for each in rounds],
        [speed.busy / speed.alone for speed in mine],
        [speed.both / speed.alone for speed in mine],
    ]
    return f"{way:>8}  {tokens:>14.1f}  " + "  ".join(f"{as_text(share):>20}" for share in shares)


def as_text(shares: list[float]) -> str:
    return f"{statistics.median(shares):.2f} ({min(shares):.2f} to {max(shares):.2f})"


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    main()
