"""python -m tests.arguments_speed: argument checks a second, on one core, over the calls of the shipped rows.

Not a test: timings on a shared machine are for reading, not for passing.
"""

import json
import time

from dspy_programs.programs.actor import check
from dspy_programs.types import Function
from metrics.actor import AcceptedCall, one_call
from optimizers.data import SPLITS, data_directory

ROUNDS = 20


def main() -> None:
    calls = [call for split in SPLITS for call in calls_of(split)]
    wrong = [(function, {name: str(value) for name, value in arguments.items()}) for function, arguments in calls]
    for label, some in (("right as they are", calls), ("every value a string", wrong)):
        start = time.perf_counter()
        for _ in range(ROUNDS):
            for function, arguments in some:
                check(function, arguments)
        seconds = time.perf_counter() - start
        print(f"{label}: {ROUNDS * len(some) / seconds:,.0f} checks a second ({len(some)} calls, {ROUNDS} rounds)")


def calls_of(split: str) -> list[tuple[Function, dict]]:
    found = []
    for line in (data_directory("actor") / f"{split}.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        tools = {tool["name"]: Function(**tool) for tool in row["tools"]}
        for call in row["calls"]:
            made = one_call(AcceptedCall(**call))
            found.append((tools[made.tool], made.arguments))
    return found


if __name__ == "__main__":
    main()
