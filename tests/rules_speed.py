"""python -m tests.rules_speed: how many traces a second the rules of the failure judge read, and whether that is linear.

Not a test: timings on a shared machine are for reading, not for passing.
"""

import time

from dspy_programs.programs.failure_judge import View, findings_of, ruling
from dspy_programs.types import Trace, Turn

SECONDS = 2.0
LENGTHS = (10, 100, 1_000, 10_000)


def trace(length: int) -> tuple[str, list[Turn]]:
    """A run of look-ups, each with its thought and a result of three records, and an answer: nothing to find."""
    goal = "Move every overdue task of Nadia to the board 'In review' and tell me how many there were."
    turns = [Turn(turn_number=0, role="user", content=goal)]
    for i in range(1, length - 1):
        if i % 2:
            turns.append(Turn(turn_number=i, role="agent", content=f"Next I read page {i} of Nadia's tasks and compare dates."))
        else:
            records = [{"task_id": f"{i:06}{k}", "owner": "nadia@atlas.com", "due": f"2023-11-{10 + k}"} for k in range(3)]
            page = {"page": i, "owner": "nadia", "overdue": True}
            turns.append(
                Turn(turn_number=i, role="tool", tool_name="search_tasks", tool_input=page, tool_output=records, latency_ms=90)
            )
    turns.append(Turn(turn_number=length - 1, role="agent", content="Nadia's overdue tasks are on the board 'In review' now."))
    return goal, turns


def traces_a_second(length: int) -> float:
    goal, turns = trace(length)
    count, start = 0, time.process_time()  # of this process alone: others may share the machine
    while (passed := time.process_time() - start) < SECONDS:
        ruling(findings_of(View(Trace(original_goal=goal, turns=turns, tools=["search_tasks"]))))
        count += 1
    return count / passed


def main() -> None:
    speeds = {length: traces_a_second(length) for length in LENGTHS}
    print(f"traces of {LENGTHS[0]} turns: {speeds[LENGTHS[0]]:,.0f} a second on one core")
    for length, speed in speeds.items():
        print(f"{length:>7,} turns: {1e6 / speed / length:6.1f} microseconds a turn")


if __name__ == "__main__":
    main()
