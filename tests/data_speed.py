"""python -m tests.data_speed [--only ingest] [--rows 50000 ...]: rows a second and megabytes of what makes data sets.

ingest     Alpaca with `input` in every second row, about 400 bytes each, 2 % of them exact repeats.
harvest    recorded runs of one form, about 1,100 bytes each, one in four of them failed; rows for all programs.
Each figure is of a process of its own, over rows that are made here. Told: seconds of the wall and of the processor, for
others may share the machine; rows a second of each; the peak of the memory, and how much of it is above a process that has
imported the same and read one row.
Not a test: timings on a shared machine are for reading, not for passing.
"""

import argparse
import json
import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dspy_programs.data import DataFolder
from dspy_programs.data.reading import ingest
from optimizers.harvesting import MODULES, harvest_runs
from tests.optimizers.harvesting.runs import refund_run

WORDS = (
    "the quick brown fox jumps over a lazy dog while seven engineers measure data pipelines carefully and write what they find"
).split()


class Figures(NamedTuple):
    made: int
    wall: float
    processor: float
    peak: float  # MB


def rows(count: int) -> Iterator[dict[str, str]]:
    draw = random.Random(11)
    kept = {}
    for number in range(count):
        if kept and number % 50 == 0:
            yield kept
            continue
        kept = {
            "instruction": f"{' '.join(draw.choices(WORDS, k=8))} {number}",
            "input": " ".join(draw.choices(WORDS, k=10)) if number % 2 else "",
            "output": " ".join(draw.choices(WORDS, k=40)),
            "category": f"c{number % 7}",
        }
        yield kept


def runs(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        draw = random.Random(number)
        about = " ".join(draw.choices(WORDS, k=8))
        yield refund_run(10_000 + number, number % 4 > 0, f"Please refund order {10_000 + number} because {about}")


def ingested(folder: Path) -> int:
    return ingest(folder / "rows.jsonl", "speed", DataFolder(folder / "data")).pairs


def harvested(folder: Path) -> int:
    done = harvest_runs([folder / "rows.jsonl"], MODULES, folder / "harvest")
    return sum(split.total() for split in done.rows.values())


class Task(NamedTuple):
    rows: Callable[[int], Iterator[dict[str, Any]]]
    work: Callable[[Path], int]  # gives how many rows it made
    counts: tuple[int, ...]


TASKS = {
    "ingest": Task(rows, ingested, (50_000, 1_000_000)),
    "harvest": Task(runs, harvested, (10_000, 30_000, 100_000)),
}


def _at_work(task: str, folder: Path) -> Figures:
    wall, processor = time.perf_counter(), time.process_time()
    made = TASKS[task].work(folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Figures(made, time.perf_counter() - wall, time.process_time() - processor, peak)


def figures(task: str, count: int) -> Figures:
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        with open(Path(name) / "rows.jsonl", "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in TASKS[task].rows(count))
        with context.Pool(1) as pool:
            return pool.apply(_at_work, (task, Path(name)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=TASKS)
    parser.add_argument("--rows", type=int, nargs="+")
    asked = parser.parse_args()
    print(
        "| task | rows | made of them | wall, s | processor, s | rows/s | rows/s of the processor | peak, MB | above base, MB |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for task in [asked.only] if asked.only else TASKS:
        base = figures(task, 1).peak
        for count in asked.rows or TASKS[task].counts:
            found = figures(task, count)
            cells = [task, f"{count:,}", f"{found.made:,}", f"{found.wall:.1f}", f"{found.processor:.1f}"]
            cells += [f"{count / found.wall:,.0f}", f"{count / found.processor:,.0f}"]
            cells += [f"{found.peak:.0f}", f"{found.peak - base:.0f}"]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
