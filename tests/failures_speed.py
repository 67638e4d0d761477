"""python -m tests.failures_speed: traces a second from a line of JSONL to a ruling, and to a report; and the memory it takes.

A mix of ten-turn runs of an agent with tools: half go well, half fail in eight ways. First read from a file and judged as
`batch` does it, then the whole command: JSONL in, a report as JSON for each trace and the distribution out. On one core.
Not a test: timings on a shared machine are for reading, not for passing.
"""

import contextlib
import io
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dspy_programs.failures.reader import read_traces
from dspy_programs.programs.failure_judge import View, findings_of, ruling

COUNTS = (1_000, 100_000)
TOOLS = ["search_tasks", "update_task", "get_population", "send_email"]
PEOPLE = ("Nadia", "Dmitri", "Fatima", "Chen", "Santiago", "Kofi", "Olivia", "Raj")
Turns = list[dict[str, Any]]


def agent(text: str) -> dict[str, Any]:
    return {"role": "agent", "content": text}


def tool(name: str, given: Any, output: Any, latency_ms: float = 90) -> dict[str, Any]:
    return {"role": "tool", "tool_name": name, "tool_input": given, "tool_output": output, "latency_ms": latency_ms}


def healthy(draw: random.Random, who: str) -> Turns:
    """Eight turns of looking up and moving tasks, each look-up with three records."""
    turns: Turns = []
    for page in range(1, 4):
        records = [
            {"task_id": f"{draw.randrange(10**6):08}", "owner": who.lower(), "due": f"2023-11-{10 + k}"} for k in range(3)
        ]
        turns.append(agent(f"Next I read page {page} of {who}'s tasks and compare the due dates with today."))
        turns.append(
            tool("search_tasks", {"page": page, "owner": who.lower(), "overdue": True}, records, draw.randint(40, 2900))
        )
    moved = {"task_id": records[0]["task_id"], "board": "In review"}
    return [*turns, tool("update_task", moved, "Task updated successfully.")]


def failing(draw: random.Random, who: str, answer: dict[str, Any]) -> Turns:
    """The same with one thing gone wrong before or in the answer."""
    turns = healthy(draw, who)
    page = {"page": 3, "owner": who.lower(), "overdue": True}
    look, compare = agent("Let me check the list of tasks."), agent("Let me compare it with the board.")
    ends: list[Turns] = [
        [tool("run_workflow", {"owner": who}, "run_workflow is not a valid tool"), answer],
        [tool("update_task", {"task": 7}, "Error: missing required parameter 'task_id'"), answer],
        [turns[-2], turns[-2], answer],
        [look, compare, look, compare, look, compare],
        [agent("The weather in Lisbon stays mild for the weekend, so bring a jacket and enjoy the museums.")],
        [tool("search_tasks", '{"owner": "nadia", "page": ', "Error: could not parse JSON"), answer],
        [tool("search_tasks", page, [{"task_id": str(k)} for k in range(9)], 12_000), agent("OK")],
    ]
    kind = draw.randrange(len(ends) + 1)
    if kind == len(ends):
        return [agent("I'm sorry, but I can't help with that request."), *turns[:6]]
    return [*turns[: 9 - len(ends[kind])], *ends[kind]]


def line(number: int) -> str:
    """Return a trace of ten turns as a line of JSON, the same for the same number."""
    draw = random.Random(number)
    who = draw.choice(PEOPLE)
    goal = f"Move every overdue task of {who} to the board 'In review'."
    answer = agent(f"{who}'s overdue tasks are on the board 'In review' now.")
    turns = [{"role": "user", "content": goal}]
    turns += [*healthy(draw, who), answer] if number % 2 else failing(draw, who, answer)
    while len(turns) < 10:
        turns.insert(-1, agent("I compare what I have with what was asked before I answer."))
    turns = [{"turn_number": i, **turn} for i, turn in enumerate(turns)]
    trace = {"trace_id": f"run-{number}", "original_goal": goal, "final_result": None, "is_successful": None, "tools": TOOLS}
    return json.dumps({**trace, "turns": turns})


def write(path: Path, count: int) -> None:
    with path.open("w") as file:
        for number in range(count):
            file.write(line(number) + "\n")


def measure(path: Path) -> None:
    """Read and judge a file, and print what it took: run in a process of its own, for its peak of memory."""
    read_traces([path])  # what is imported at first use is no part of it
    modes: Counter[str] = Counter()
    start = time.process_time()  # of this process alone: others may share the machine
    for _, trace, problem in read_traces([path]):
        if trace is None:
            raise SystemExit(f"a trace that cannot be read: {problem}")
        view = View(trace)
        modes[ruling(findings_of(view), trace.is_successful).mode] += 1
    passed = time.process_time() - start
    print(json.dumps({"seconds": passed, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, "modes": modes}))


def run_command(path: Path) -> None:
    """Run `batch` on a file, with the reports and the distribution as JSON, and print what it took."""
    from dspy_programs.__main__ import main as command

    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        code = command(["failures", "batch", str(path), "--json", "-o", str(path.with_suffix(".reports"))])
    batch = json.loads(shown.getvalue())
    if code != 0 or batch["unreadable"]:
        raise SystemExit(f"batch ended with {code}: {batch['problems'][:1]}")
    modes = {share["mode"]: share["count"] for share in batch["modes"] if share["count"]}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": time.process_time(), "peak": peak, "modes": modes}))  # start and imports are part of it


WAYS: dict[str, Callable[[Path], None]] = {"read and judged": measure, "the whole command": run_command}


def main() -> None:
    if len(sys.argv) > 2:
        WAYS[sys.argv[1]](Path(sys.argv[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        for count in COUNTS:
            path = Path(folder, f"{count}.jsonl")
            write(path, count)
            for way in WAYS:
                command = [sys.executable, "-m", "tests.failures_speed", way, str(path)]
                took = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
                speed, each = count / took["seconds"], 1e6 * took["seconds"] / count
                print(f"{count:>7,} traces, {way}: {speed:,.0f} a second on one core ({each:.0f} microseconds each), ", end="")
                print(f"peak memory {took['peak'] / 1024:.0f} MB", flush=True)
            print("        " + ", ".join(f"{mode} {n:,}" for mode, n in sorted(took["modes"].items())))


if __name__ == "__main__":
    main()
