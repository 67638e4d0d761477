"""python -m tests.lint_ruff: what ruff's perflint rules and the loop linter find in the packages of tests.lint_sample.

PERF401 and PERF402 are LOOP003, PERF101 is part of LOOP006; the other rules of ruff are about other things. A finding is
the same if both name the same statement. Prints the counts, and with --show the places that only one of the two names.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence

from dspy_programs.lint_loops import lint
from tests.lint_sample import PACKAGES, folder_of

PAIRS = {"LOOP003": ("PERF401", "PERF402"), "LOOP006": ("PERF101",)}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", action="store_true")
    show = parser.parse_args(argv).show
    folders = [str(folder_of(package)) for package in PACKAGES]
    report = lint([folder_of(package) for package in PACKAGES])
    for code, rules in PAIRS.items():
        command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-respect-gitignore", "--output-format", "json"]
        done = subprocess.run([*command, "--select", ",".join(rules), *folders], capture_output=True, check=False)
        theirs = {(each["filename"], each["location"]["row"]) for each in json.loads(done.stdout)}
        ours = {(each.file, each.line, each.end_line) for each in report.findings if each.pattern.code == code}
        both = {one for one in ours if any((one[0], row) in theirs for row in range(one[1], one[1] + 12))}
        same = {their for their in theirs if any(one[0] == their[0] and one[1] <= their[1] < one[1] + 12 for one in ours)}
        print(f"{code} {'+'.join(rules)}: ours {len(ours)}, ruff's {len(theirs)}, both {len(both)}")
        if show:
            print("\n".join(f"  only ours: {file}:{line}" for file, line, _ in sorted(ours - both)))
            print("\n".join(f"  only ruff's: {file}:{row}" for file, row in sorted(theirs - same)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
