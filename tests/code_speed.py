"""python -m tests.code_speed [--lines 268000] [--log-megabytes 200]: what it costs to index, search and grep so much code.

Files of the packages installed here are copied until they have so many lines. Told, of processor time (git's included) and of
the clock, for others may share the machine: the first index, a second one after one changed file, a search, a grep, a map, and
the memory of the whole; the same of vectors (needs the embed extra); what starting the command costs alone; and what went wrong
in a log of so many megabytes.
Not a test: timings on a shared machine are for reading, not for passing.
"""

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dspy_programs.code import (
    Index,
    embed_chunks,
    embedder_named,
    grep_files,
    map_of,
    search,
    search_by_meaning,
    search_fused,
)
from dspy_programs.logs import log_context

PACKAGES = ("pandas", "sqlalchemy", "numpy", "scipy", "litellm", "dspy", "networkx")
QUESTIONS = (
    "read a csv file",
    "merge two tables on a key",
    "parse a date",
    "retry after a timeout",
    "where is the dtype checked",
)


def files_with(lines: int) -> Iterator[tuple[Path, Path]]:
    """Yield files and where they go, until they have so many lines."""
    installed, seen = Path(sysconfig.get_path("purelib")), 0
    for package in PACKAGES:
        for path in sorted((installed / package).rglob("*.py")):
            seen += path.read_bytes().count(b"\n")
            if seen > lines:
                return
            yield path, path.relative_to(installed)


def told(name: str, work: Callable[[], Any], repeat: int = 1) -> Any:
    """Do it so many times; print the median of processor time and of the clock."""
    taken = []
    for _ in range(repeat):
        processor, clock = processor_seconds(), time.monotonic()
        result = work()
        taken.append((processor_seconds() - processor, time.monotonic() - clock))
    processor, clock = (statistics.median(each) for each in zip(*taken, strict=True))
    print(f"{name}: {processor:.3f} s of processor time, {clock:.3f} s", flush=True)
    return result


def processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def write_log(path: Path, megabytes: int) -> None:
    """Write lines of which one in a hundred says that something went wrong, and one in a thousand has a stack trace."""
    trace = 'Traceback (most recent call last):\n  File "/srv/a.py", line 7, in run\n    go()\nValueError: no row {}\n'
    with path.open("w", encoding="utf-8") as file:
        number = 0
        while file.tell() < megabytes * 1_000_000:
            for _ in range(10_000):
                number += 1
                when = f"2026-01-02 03:{number // 60_000 % 60:02}:{number // 1_000 % 60:02},{number % 1_000:03}"
                if number % 100:
                    file.write(
                        f"{when} INFO app.web: request {number} took {number % 97} ms, 200 for /orders/{number % 1_009}\n"
                    )
                else:
                    file.write(f"{when} ERROR app.job: job {number} of kind {number % 7} was lost\n")
                    file.write("" if number % 1_000 else trace.format(number))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=268_000)
    parser.add_argument("--log-megabytes", type=int, default=200)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as aside:
        folder = Path(aside, "code")
        for path, where in files_with(asked.lines):
            (folder / where).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, folder / where)
        index = Index(folder, Path(aside, "index.sqlite"))
        done = told("first index", index.refresh)
        print(f"  {done.lines:,} lines in {done.files:,} files; {index.file.stat().st_size / 1e6:.0f} MB on disk")
        told("index again, nothing changed", index.refresh, 5)
        changed = next(folder.rglob("*.py"))

        def change() -> None:
            changed.write_text(changed.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
            assert index.refresh().read == 1

        told("index again, one file changed", change, 5)
        for question in QUESTIONS:
            told(f"search: {question}", lambda asked=question: search(index, asked), 5)
        told("grep: a word", lambda: list(grep_files("DataFrame", folder)), 3)
        told("grep: an expression", lambda: list(grep_files(r"def \w+_frame\(", folder)), 3)
        told("map of 1,000 tokens", lambda: map_of(index, 1_000))
        print(f"memory: {peak_megabytes():.0f} MB at most", flush=True)
        embedder = embedder_named()
        told("loading the embedder", lambda: embedder.vectors(["x"]))
        told("vectors of all of it", lambda: embed_chunks(index, embedder))
        change()
        told("vectors again, one file changed", lambda: embed_chunks(index, embedder))
        told("search by meaning", lambda: search_by_meaning(index, QUESTIONS[0], 10, embedder), 5)
        told("search by both", lambda: search_fused(index, QUESTIONS[0], 10, embedder), 5)
        print(f"memory: {peak_megabytes():.0f} MB at most, {index.file.stat().st_size / 1e6:.0f} MB on disk", flush=True)
        start = [sys.executable, "-m", "dspy_programs", "code", "search", "--help"]
        told("starting the command", lambda: subprocess.run(start, stdout=subprocess.DEVNULL, check=True), 3)
        log = Path(aside, "app.log")
        write_log(log, asked.log_megabytes)
        before = peak_megabytes()
        found = told(f"context of {asked.log_megabytes} MB of logs", lambda: log_context([log]))
        print(f"  {found.events:,} events of {len(found.kinds)} kinds; {peak_megabytes() - before:.0f} MB more memory")


if __name__ == "__main__":
    main()
