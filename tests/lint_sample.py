"""python -m tests.lint_sample [--seed N] [--size N] PACKAGE...: a sample of the loop linter's findings, to be read by hand.

Prints each finding with the code around it, numbered. The packages are those installed in this environment; by default the ten
whose findings docs/tools/lint-loops.md counts. A finding is right if a demanding reviewer would take the mend: the pattern is
there, the mend keeps what the code does, and the loop can be long.
"""

import argparse
import random
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from dspy_programs.lint_loops import lint

PACKAGES = ("IPython", "botocore", "fontTools", "litellm", "matplotlib", "mypy", "numpy", "pandas", "pygments", "sqlalchemy")
_BEFORE, _AFTER = 6, 14  # lines of code shown around a finding


def folder_of(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None and spec.origin is not None, f"{package} is not installed"
    return Path(spec.origin).parent


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", nargs="*", default=PACKAGES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=100)
    given = parser.parse_args(argv)
    report = lint([folder_of(package) for package in given.packages])
    found = sorted(report.findings, key=lambda each: (each.file, each.line, each.pattern.code))
    drawn = random.Random(given.seed).sample(found, min(given.size, len(found)))
    for number, each in enumerate(drawn, 1):
        lines = Path(each.file).read_text(encoding="utf-8", errors="replace").split("\n")
        print(f"\n[{number}] {each.file}:{each.line} {each.pattern.name}\n    {each.suggestion}")
        for at in range(max(1, each.line - _BEFORE), min(len(lines), each.end_line + _AFTER) + 1):
            print(f"{'>' if each.line <= at <= each.end_line else ' '} {lines[at - 1]}")
    print(
        f"\n{len(found)} findings in {report.lines:,} lines:", dict(Counter(each.pattern.name for each in found).most_common())
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
