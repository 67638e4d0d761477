"""Run by measure.py as a script: time one pattern against its mend, with items of one kind, at several sizes.

The code timed is this file's own, in the shape that was found; the code that was checked is never run. It needs nothing but
the standard library, so that Python can run it isolated (-I) from the folder it is called in.

Usage      python -I benchmarks.py CODE KIND SECONDS
Output     JSON: {"sizes": [...], "before": [seconds of a run, ...], "after": [...]}
"""

import itertools
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

SIZES = (50, 100, 200, 400, 800, 1600)
Work = tuple[Callable[[], Any], Callable[[], Any]]


def items_of(kind: str, n: int) -> list[Any]:
    """Make n different items: int, str, or row (a tuple)."""
    if kind == "str":
        return [f"item number {at}" for at in range(n)]
    return [(at, f"row {at}") for at in range(n)] if kind == "row" else list(range(n))


def nested(items: list[Any]) -> Work:
    def before() -> int:
        count = 0
        for one in items:
            for other in items:
                if one == other:
                    count += 1
        return count

    def after() -> int:
        count = 0
        known = {item: item for item in items}
        for one in items:
            if one in known:
                count += 1
        return count

    return before, after


def string(items: list[Any]) -> Work:
    parts = [f"{item} " for item in items]

    def before() -> str:
        text = ""
        for part in parts:
            text += part
        return text

    return before, lambda: "".join([part for part in parts])


def append(items: list[Any]) -> Work:
    def before() -> list[Any]:
        found = []
        for item in items:
            found.append((item, 1))
        return found

    return before, lambda: [(item, 1) for item in items]


def membership(items: list[Any]) -> Work:
    wanted = items[::-1]

    def before() -> int:
        count = 0
        for item in wanted:
            if item in items:
                count += 1
        return count

    def after() -> int:
        count, known = 0, set(items)
        for item in wanted:
            if item in known:
                count += 1
        return count

    return before, after


def length(items: list[Any]) -> Work:
    def before() -> int:
        at = 0
        while at < len(items):
            at += 1
        return at

    def after() -> int:
        at, size = 0, len(items)
        while at < size:
            at += 1
        return at

    return before, after


def copy(items: list[Any]) -> Work:
    def before() -> int:
        count = 0
        for item in items:
            if len(list(items)) and item is not None:
                count += 1
        return count

    def after() -> int:
        count = 0
        for item in items:
            if len(items) and item is not None:
                count += 1
        return count

    return before, after


def sort(items: list[Any]) -> Work:
    shuffled = items[1::2] + items[::2]

    def before() -> int:
        count = 0
        for _ in items:
            count += len(sorted(shuffled))
        return count

    def after() -> int:
        count, ordered = 0, sorted(shuffled)
        for _ in items:
            count += len(ordered)
        return count

    return before, after


def list_concat(items: list[Any]) -> Work:
    def before() -> list[Any]:
        found: list[Any] = []
        for item in items:
            found = found + [item]  # noqa: RUF005, LOOP008
        return found

    def after() -> list[Any]:
        found: list[Any] = []
        for item in items:
            found.append(item)
        return found

    return before, after


def range_len(items: list[Any]) -> Work:
    def before() -> int:
        count = 0
        for at in range(len(items)):
            if items[at] is not None:
                count += 1
        return count

    def after() -> int:
        count = 0
        for item in items:
            if item is not None:
                count += 1
        return count

    return before, after


def lookup(items: list[Any]) -> Work:
    counts = dict.fromkeys(items, 1)

    def before() -> int:
        total = 0
        for item in items:
            if counts[item] > 0 and counts[item] < 9:
                total += counts[item]
        return total

    def after() -> int:
        total = 0
        for item in items:
            value = counts[item]
            if value > 0 and value < 9:
                total += value
        return total

    return before, after


def regex(items: list[Any]) -> Work:
    texts = [str(item) for item in items]

    def before() -> int:
        count = 0
        for text in texts:
            if re.search(r"\d+", text):
                count += 1
        return count

    def after() -> int:
        count, pattern = 0, re.compile(r"\d+")
        for text in texts:
            if pattern.search(text):
                count += 1
        return count

    return before, after


def files(items: list[Any]) -> Work:
    kept = tempfile.NamedTemporaryFile()  # gone with the process
    path = kept.name
    lines = [f"{item}\n" for item in items]

    def before() -> None:
        kept.truncate(0)
        for line in lines:
            with open(path, "a") as file:
                file.write(line)

    def after() -> None:
        kept.truncate(0)
        with open(path, "a") as file:
            for line in lines:
                file.write(line)

    return before, after


BENCHMARKS = {
    "LOOP001": nested,
    "LOOP002": string,
    "LOOP003": append,
    "LOOP004": membership,
    "LOOP005": length,
    "LOOP006": copy,
    "LOOP007": sort,
    "LOOP008": list_concat,
    "LOOP009": range_len,
    "LOOP010": lookup,
    "LOOP011": regex,
    "LOOP012": files,
}


def seconds_of(work: Callable[[], Any], least: float) -> float:
    """Return the processor's seconds of the fastest of several runs: what else the machine does counts little."""
    best, until = float("inf"), time.process_time() + least
    for run in itertools.count():
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
        if run >= 2 and time.process_time() > until:
            break
    return best


def main(code: str, kind: str, seconds: str) -> None:
    least = float(seconds) / (2 * len(SIZES))
    before, after = [], []
    for n in SIZES:
        slow, fast = BENCHMARKS[code](items_of(kind, n))
        before.append(seconds_of(slow, least))
        after.append(seconds_of(fast, least))
    print(json.dumps({"sizes": SIZES, "before": before, "after": after}))


if __name__ == "__main__":
    main(*sys.argv[1:4])
