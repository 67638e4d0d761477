"""python -m tests.lint_slowdowns: each pattern of the loop linter timed against its mend, as --measure does.

Where the estimates come from that were not published: the share of the loop's time that the mend saves with 800 items, the
smallest over the three kinds of items, rounded down to 5.
Not a test: timings on a shared machine are for reading, not for passing.
"""

from dspy_programs.lint_loops import PATTERNS
from dspy_programs.lint_loops.measuring.measure import measured

KINDS = ("int", "str", "row")


def main() -> int:
    print(f"{'pattern':24}{'estimate':>9}  {'source':10}" + "".join(f"{kind:>6}" for kind in KINDS) + "  time grows")
    for pattern in PATTERNS:
        found = [measured(pattern.code, kind) for kind in KINDS]
        shares = "".join(f"{each.slowdown:>5}%" for each in found)
        print(f"{pattern.name:24}{pattern.slowdown:>8}%  {pattern.source:10}{shares}  {found[0].growth}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
