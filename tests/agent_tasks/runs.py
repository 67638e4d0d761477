"""Runs that are counted: each in a fresh copy of its workspace, within a limit of time, written down before the next begins.

Input      cases, such as tasks; `start`, which runs an agent on one; the file of results, one JSON object a line.
Output     Run for each task, those already in the file among them; the events of each run in a file of its own, to read.
Guarantees a run is in the file once it is over, so that a stopped measurement goes on with the next task. A run that does not
           end in time, or that an exception ends, is not solved, and says why.
"""

import json
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, Protocol

from dspy_programs.atomic_file import write_atomically
from tests.agent_tasks.traces import keep_trace

_LONGEST_WHY = 300  # characters


class Used(NamedTuple):
    """What an agent says of its run."""

    outcome: str
    stopped_by: str
    why: str
    model_calls: int = 0
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    answer: str = ""


class Run(NamedTuple):
    """One run. solved: no check failed; seconds: of the clock."""

    task: str
    kind: str
    expects: str
    way: str
    solved: bool
    faults: list[str]
    questions: list[str]
    seconds: float
    used: Used


class Room(NamedTuple):
    """What a run is given: its folder, and where its questions, events and trace go; None for no trace."""

    root: Path
    ask: Callable[[str], str | None]
    on_event: Callable[[dict[str, Any]], None]
    traces: Path | None = None


class Case(Protocol):
    """Something to do, and how to see whether it was done."""

    id: str
    kind: str
    expects: str
    answer: str
    goal: str

    def lay_out(self, root: Path) -> None:
        """Make the workspace, and whatever else the run may change, as it is before."""

    def faults(self, root: Path, claimed: bool, questions: Sequence[str], said: str = "") -> list[str]: ...

    def changed(self, root: Path) -> Mapping[str, str | None]:
        """Return what the run has changed, to read."""


Start = Callable[[Any, Room], Used]
"""Run an agent on a case."""


class OutOfTime(BaseException):
    """Not an Exception, so that no loop takes it for a tool's."""


def read_runs(path: Path) -> list[Run]:
    if not path.exists():
        return []
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [Run(**{**line, "used": Used(**line["used"])}) for line in lines]


def measured(
    tasks: Sequence[Case], way: str, start: Start, path: Path, seconds: float, traces: Path | None = None
) -> Iterator[Run]:
    """Yield the run of each task in one way; run those that are not in the file yet. traces: a folder to leave them in."""
    known = {(run.way, run.task): run for run in read_runs(path)}
    for task in tasks:
        if (way, task.id) in known:
            yield known[way, task.id]
            continue
        run, events = run_task(task, way, start, seconds, traces)
        write_atomically(
            path.parent / path.stem / f"{way}-{task.id}.json", json.dumps(events, indent=1, ensure_ascii=False) + "\n"
        )
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**run._asdict(), "used": run.used._asdict()}, ensure_ascii=False) + "\n")
        yield run


def run_task(
    task: Case, way: str, start: Start, seconds: float, traces: Path | None = None
) -> tuple[Run, list[dict[str, Any]]]:
    """Run a task once; return it with its events, the last of which is the end state."""
    questions: list[str] = []
    events: list[dict[str, Any]] = []

    def ask(question: str) -> str | None:
        questions.append(question)
        return task.answer or None

    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as recorded:
        task.lay_out(root := Path(folder).resolve())
        room = Room(root, ask, events.append, Path(recorded) if traces else None)
        started = time.monotonic()
        used = _in_time(lambda: start(task, room), seconds)
        took = time.monotonic() - started
        found = task.faults(root, used.outcome != "failed", questions, used.answer)
        events.append({"kind": "end_state", "faults": found, "used": used._asdict(), "changed": task.changed(root)})
        if traces:
            keep_trace(Path(recorded), traces / f"{way}-{task.id}.json", task.goal, not found, used.why)
    return Run(task.id, task.kind, task.expects, way, not found, found, questions, round(took, 2), used), events


def _in_time(work: Callable[[], Used], seconds: float) -> Used:
    """Do the work. An agent has its own limit; this one is for an agent that does not keep it."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return work()
    except OutOfTime:
        return Used("failed", "hung", f"no end within {seconds:g} seconds")
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        why = f"{type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"
        return Used("failed", "exception", why[:_LONGEST_WHY])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
