"""python -m tests.arguments_speed: checks of a call a second, on one core, over the calls of the shipped rows.

Against the schema alone; with the sources of its arguments, of requests that are indexed; and with the indexing.

Not a test: timings on a shared machine are for reading, not for passing.
"""

import json
import time

from dspy_programs.programs.actor import check
from dspy_programs.programs.actor.before_call import asked, before_call
from dspy_programs.types import Call, Function, Turn
from metrics.actor import AcceptedCall, one_call
from optimizers.data import SPLITS, data_directory

ROUNDS = 20


def main() -> None:
    calls = [call for split in SPLITS for call in calls_of(split)]
    wrong = [(function, {name: str(value) for name, value in arguments.items()}) for function, arguments in calls]
    for label, some in (("right as they are", calls), ("every value a string", wrong)):
        start = time.process_time()
        for _ in range(ROUNDS):
            for function, arguments in some:
                check(function, arguments)
        seconds = time.process_time() - start
        print(f"{label}: {ROUNDS * len(some) / seconds:,.0f} checks a second ({len(some)} calls, {ROUNDS} rounds)")
    requests = [request for split in SPLITS for request in requests_of(split)]
    indexed = [(calls, tools, asked(*request)) for calls, tools, request in requests]
    for calls, tools, known in indexed:
        before_call(calls, tools, known)  # an index reads its texts at the first look-up
    start = time.process_time()
    for _ in range(ROUNDS):
        for calls, tools, known in indexed:
            before_call(calls, tools, known)
    report("with their sources", ROUNDS, requests, time.process_time() - start)
    start = time.process_time()
    for calls, tools, request in requests:
        before_call(calls, tools, asked(*request))
    report("and the request indexed", 1, requests, time.process_time() - start)


def report(label: str, rounds: int, requests: list, seconds: float) -> None:
    number = sum(len(calls) for calls, _, _ in requests)
    print(f"{label}: {rounds * number / seconds:,.0f} checks a second ({number} calls, {rounds} rounds)")


def requests_of(split: str) -> list[tuple[list[Call], list[Function], tuple]]:
    """Return the calls of each row, its tools, and what they may come from."""
    found = []
    for line in (data_directory("actor") / f"{split}.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        calls = [one_call(AcceptedCall(**call)) for call in row["calls"]]
        turns = [Turn.model_validate(turn) for turn in row["trajectory"]]
        found.append((calls, [Function(**tool) for tool in row["tools"]], (row["task"], row["context"], turns)))
    return [each for each in found if each[0]]


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
