"""python -m tests.provenance_speed: origins looked up a second, on one core, over the calls of the shipped rows.

Each row's request, context and trajectory are added, then every argument of its calls is looked up, and as often a value that
comes from nowhere: the slowest kind. Not a test: timings on a shared machine are for reading, not for passing.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

from dspy_programs.provenance import Sources
from metrics.actor import AcceptedCall, one_call
from optimizers.data import SPLITS, data_directory

ROUNDS = 5
LOOK_UPS = (1, 20)  # of each value: sources for one call, and those of a long run


def main() -> None:
    rows = [row for split in SPLITS for row in rows_of(split)]
    for times in LOOK_UPS:
        for label, invented in (("as they are", False), ("from nowhere", True)):
            checks = 0
            start = time.process_time()
            for _ in range(ROUNDS):
                checks += sum(looked_up(texts, values, invented, times) for texts, values in rows)
            speed = checks / (time.process_time() - start)
            print(f"{label}, {times} look-ups of a value: {speed:,.0f} a second ({len(rows)} rows, {checks:,} look-ups)")


def looked_up(texts: list[str], values: list[tuple[str, Any]], invented: bool, times: int) -> int:
    sources = Sources()
    for turn, text in enumerate(texts):
        sources.add(text, turn, "user")
    for _ in range(times):
        for name, value in values:
            sources.origin(different(value) if invented else value, None, name)
    return times * len(values)


def different(value: Any) -> Any:
    """Return a value of the same form that nobody gave."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return value * 7 + 1234.57
    return f"{value}xq7z" if isinstance(value, str) else value


def rows_of(split: str) -> Iterator[tuple[list[str], list[tuple[str, Any]]]]:
    for line in (data_directory("actor") / f"{split}.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        calls = [one_call(AcceptedCall(**call)) for call in row["calls"]]
        values = [pair for call in calls for pair in call.arguments.items()]
        yield [str(row[key]) for key in ("task", "context", "trajectory") if row.get(key)], values


if __name__ == "__main__":
    main()
