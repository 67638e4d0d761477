"""python -m tests.lint_speed [--lines N]: how long lint-loops takes for 300,000 lines of installed packages.

Files in name order from the packages of tests.lint_sample until the lines are reached, on one process and on all processors.
Not a test: timings on a shared machine are for reading, not for passing.
"""

import argparse
import resource
import time
from collections.abc import Sequence

from dspy_programs.lint_loops import lint
from dspy_programs.lint_loops.files import python_files
from tests.lint_sample import PACKAGES, folder_of


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=300_000)
    least = parser.parse_args(argv).lines
    files, lines = [], 0
    for path in python_files([folder_of(package) for package in PACKAGES]):
        files.append(path)
        lines += path.read_bytes().count(b"\n")
        if lines >= least:
            break
    for processes in (1, None):
        start, before = time.perf_counter(), _processor_seconds()
        report = lint(files, processes=processes)
        seconds, used = time.perf_counter() - start, _processor_seconds() - before
        how = "1 process" if processes else "all processors"
        print(f"{how}: {report.lines:,} lines, {report.files:,} files: {seconds:.1f} s ({used:.1f} s of processors)")
    return 0


def _processor_seconds() -> float:
    return sum(
        used.ru_utime + used.ru_stime for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


if __name__ == "__main__":
    raise SystemExit(main())
