"""An agent at work on its tasks: a shell command or a Python function that leaves traces, and how its runs went.

Guarantees each try has a folder of its own, so what a killed one left is counted nowhere; the next finds that folder in the
           variable TRACES_BEFORE. A command that runs out of time, or whose improvement is killed (on Linux), is ended with
           all the processes it started.
Raises     UsageError if the agent fails or leaves no trace; BudgetSpent when its time is over.
"""

import itertools
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dspy_programs.agent.workspace import reaper
from dspy_programs.errors import BudgetSpent, UsageError
from dspy_programs.failures import FailureClassifier, read_traces, wilson

Agent = str | Callable[[Path], object]
"""A shell command, which finds the folder for its traces in the variable TRACES, or a function, which is given it."""


def run_agent(agent: Agent, place: Path, minutes: float | None = None, judged: bool = True) -> dict[str, Any]:
    """Run the agent, and return how many of its runs went well, with a 95 % interval, and how the others failed.

    place: the folder for traces, and the beginning of its name; judged: let the failure judge's rules name the modes.
    """
    number = next(each for each in itertools.count(1) if not _try_of(place, each).exists())
    folder, before = _try_of(place, number), _try_of(place, number - 1)
    folder.mkdir(parents=True)
    if callable(agent):
        agent(folder.resolve())
    else:
        _run_command(agent, folder, before if before.exists() else None, minutes)
    classifier = FailureClassifier(use_llm=False)
    outcomes, modes, unreadable = [], Counter[str](), 0
    for item in read_traces([folder]):
        if item.trace is None:
            unreadable += 1
            continue
        outcomes.append(item.trace.is_successful)
        if judged and (mode := classifier.classify(item.trace).counts_as) != "none":
            modes[mode] += 1
    if not outcomes:
        raise UsageError(f"{described(agent)} left no trace in {folder}, the folder that TRACES names")
    known = [bool(outcome) for outcome in outcomes if outcome is not None]
    low, high = wilson(sum(known), len(known))
    share = sum(known) / len(known) if known else None
    found = {"runs": len(outcomes), "known": len(known), "success": share, "low": low, "high": high}
    return {**found, "unreadable": unreadable, "modes": dict(modes.most_common()), "traces": str(folder)}


def _try_of(place: Path, number: int) -> Path:
    return place.with_name(f"{place.name}-{number}")


def described(agent: Agent) -> str:
    return f"the agent's command: {agent}:" if isinstance(agent, str) else f"the agent, {name_of(agent)},"


def name_of(agent: Agent) -> str:
    """Return the command, or the name of the function."""
    return agent if isinstance(agent, str) else f"{agent.__module__}:{getattr(agent, '__qualname__', agent)}"


def _run_command(command: str, folder: Path, before: Path | None, minutes: float | None) -> None:
    environment = {**os.environ, "TRACES": str(folder.resolve()), "TRACES_BEFORE": str(before.resolve()) if before else ""}
    guarded = [sys.executable, "-I", "-S", str(Path(reaper.__file__)), "/bin/sh", "-c", command]
    process = subprocess.Popen(guarded, env=environment, start_new_session=True)
    try:
        code = process.wait(None if minutes is None else 60 * minutes)
    except subprocess.TimeoutExpired:
        raise BudgetSpent("the agent's command used up the minutes that were left") from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
    if code:
        raise UsageError(f"the agent's command ended with exit code {code}: {command}")
