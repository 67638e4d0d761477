"""Times each pattern that was found against its mend, on this machine, with items of the kind that was found.

Input      findings; those of one pattern and kind of items share a measurement.
Output     Measured: the share of the time that the mend saves at the middle of the sizes, and how both grow.
Guarantees the checked code is not run: benchmarks.py has loops of the same shape, and runs in a process of its own.
Raises     UsageError if that process fails.
"""

import json
import math
import subprocess
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from dspy_programs.errors import UsageError
from dspy_programs.lint_loops.finding import Finding

_SCRIPT = Path(__file__).with_name("benchmarks.py")
_SECONDS = 0.6  # of timing for each pattern
_LONGEST = 60
_CLASSES = ((0.5, "O(1)"), (1.5, "O(n)"), (2.75, "O(n^2)"))
"""The growth of the logarithm of time by that of size, up to which a loop counts to a class; n log n counts as n."""


class Measured(NamedTuple):
    """slowdown: the share of the loop's time that the mend saves, in percent, with `at` items; growth: before -> after."""

    slowdown: int
    at: int
    growth: str


def measured_all(findings: Iterable[Finding]) -> dict[Finding, Measured]:
    """Measure what was found. A pattern and kind of items is measured once."""
    return {each: measured(each.pattern.code, each.shape) for each in findings}


@cache
def measured(code: str, kind: str) -> Measured:
    command = [sys.executable, "-I", str(_SCRIPT), code, kind, str(_SECONDS)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST, check=True)
        found = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise UsageError(f"--measure: {code} cannot be timed: {error}; leave --measure out") from error
    middle = len(found["sizes"]) * 2 // 3
    before, after = found["before"], found["after"]
    share = round(100 * (1 - after[middle] / before[middle]))
    return Measured(
        max(0, share), found["sizes"][middle], f"{growth_of(found['sizes'], before)} -> {growth_of(found['sizes'], after)}"
    )


def growth_of(sizes: Sequence[int], seconds: Sequence[float]) -> str:
    """Name the complexity class that times fit: the slope between the larger half of the sizes."""
    half = len(sizes) // 2
    xs, ys = [math.log(size) for size in sizes[half:]], [math.log(max(second, 1e-9)) for second in seconds[half:]]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / sum((x - mean_x) ** 2 for x in xs)
    return next((name for limit, name in _CLASSES if slope < limit), "O(n^3)")
