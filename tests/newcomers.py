"""python -m tests.newcomers: a newcomer's first `train --module planner`, on a simulated clock, for machines of every speed.

The embedded model is a script that moves the clock by the seconds its call takes and answers from recorded replies
(tests/record_planner.py). A reply is found by what is shown and by the row's goal, whatever the instruction says: on that
model changed instructions were measured to change nothing. Where nothing is recorded, for train rows and for other rows
shown, the reply is the right plan, damaged at random so that each kind of demonstrations has the mean score it was
measured to have.
"""

import argparse
import contextlib
import gzip
import hashlib
import json
import os
import random
import re
import signal
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

import dspy
import numpy as np
from dspy import lm15

from dspy_programs import load
from dspy_programs.predict import Index
from dspy_programs.registry import compiled_store as store
from dspy_programs.types import Task
from optimizers.calls import Budget, Journal, Meter, Progress
from optimizers.data import SPLITS, data_directory, read_split
from optimizers.recipes import RECIPES
from optimizers.training import RunDirectory, Training, job_of, training_of
from optimizers.training.conclusion import Report
from optimizers.training.job import remember_compiled
from optimizers.training.training import identity_for, train

LM = "local/qwen2.5-coder-1.5b"
LM_WITHOUT_PROGRAM = "local/qwen2.5-coder-3b"  # nothing is shipped for it
RECORDED = Path(__file__).parent / "optimizers" / "planner_replies.jsonl.gz"
PLANNER = RECIPES["planner"]

MEASURED = {"none": 0.54, "shipped": 0.78, "nearest": 0.78, "spread": 0.76, "other": 0.76}
"""Mean scores by what is shown: the recorded replies on 24 rows, and three rows that every call shows on 26."""
DAMAGED = (1.0, 0.922, 0.853, 0.785, 0.712, 0.657, 0.586, 0.546, 0.485)  # mean score where a task's chance is 0, 0.1, 0.2, ...

STALLED = 10  # times as long
RULES = (
    "When the goal asks for one thing alone, plan exactly one task.",
    "Put a search before the booking that depends on its result.",
    "Leave out tools whose purpose the user never mentions.",
    "Cancel only after the reservation has been looked up.",
    "Set depends_on to the step that delivers the data needed.",
    "Write a file before it is modified, and modify it before deletion.",
    "Prefer the specific tool over the generic one.",
    "Log in first wherever an account gets changed.",
)


@dataclass(frozen=True)
class Machine:
    """seconds: a row takes; stalls: share of calls that take STALLED times as long; load: seconds to load the model;
    half_speed_from: minute from which everything takes twice as long."""

    seconds: float
    stalls: float = 0.05
    load: float = 5.0
    half_speed_from: float | None = None


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


# What the model replies -------------------------------------------------------------------------------------------------


@cache
def planner_rows() -> dict[str, dspy.Example]:
    """Return the rows that a run may read, by their goals."""
    folder = data_directory("planner")
    names = ("transfer_val", *SPLITS)
    splits = [read_split(folder / f"{name}.jsonl", PLANNER.program, PLANNER.labels) for name in names]
    return {row.goal: row for rows in splits for row in rows}


def asked_of(request: lm15.Request) -> tuple[tuple[str, ...], str]:
    """Return the goals of the demonstrations that a request shows, in order, and the goal that it asks about."""
    texts = [message.text or "" for message in request.messages]
    *shown, goal = [goal for text in texts for goal in re.findall(r"\[\[ ## goal ## \]\]\n(.*)", text)]
    return tuple(shown), goal


def reply_key(shown: Sequence[str], goal: str) -> str:
    return hashlib.sha256("\n".join([*shown, "->", goal]).encode()).hexdigest()[:16]


def read_recorded(path: Path = RECORDED) -> dict[str, str]:
    """Return the recorded replies by their keys; none where nothing is recorded yet."""
    if not path.is_file():
        return {}
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    return {record["key"]: record["reply"] for record in map(json.loads, lines)}


@dataclass
class Replies:
    """What the model answers: as recorded, else as good as what is shown was measured to make it.

    levels: mean score by what is shown; shipped, pool, spread: goals of the demonstrations.
    """

    recorded: Mapping[str, str]
    levels: Mapping[str, float]
    seed: int
    shipped: Sequence[str]
    pool: Sequence[str]
    spread: Sequence[str]

    def reply(self, shown: tuple[str, ...], goal: str) -> str:
        key = reply_key(shown, goal)
        return self.recorded.get(key) or self.stand_in(self.kind_of(shown, goal), key, planner_rows()[goal])

    def stand_in(self, kind: str, key: str, row: dspy.Example) -> str:
        return damaged(row, damage_for(self.levels[kind]), random.Random(f"{self.seed}-{key}"))

    def kind_of(self, shown: tuple[str, ...], goal: str) -> str:
        if not shown:
            return "none"
        if shown == tuple(self.spread):
            return "spread"
        named = {"shipped": self.shipped_index, "nearest": self.pool_index}
        return next((name for name, index in named.items() if index and shown == nearest(index, goal)), "other")

    @cached_property
    def shipped_index(self) -> Index | None:
        return index_of(tuple(self.shipped))

    @cached_property
    def pool_index(self) -> Index | None:
        return index_of(tuple(self.pool))


@cache
def index_of(goals: tuple[str, ...]) -> Index | None:
    demonstrate = PLANNER.demonstrate
    return Index([demonstrate(planner_rows()[goal])["plan"] for goal in goals], ("goal",)) if goals else None


@cache
def nearest(index: Index, goal: str) -> tuple[str, ...]:
    return tuple(demo["goal"] for demo in index.nearest({"goal": goal}))


def damage_for(score: float) -> float:
    """Return the chance for a task at which replies have this mean score."""
    return float(np.interp(-score, np.negative(DAMAGED), np.arange(len(DAMAGED)) / 10))


def damaged(row: dspy.Example, damage: float, draw: random.Random) -> str:
    """Write the row's plan as a model may: with the chance `damage` a task is wrong, lost or has a needless twin."""
    needless = [tool.name for tool in row.tools if tool.name not in {task.tool for task in row.tasks}]
    tools: list[str] = []
    for task in row.tasks:
        fault = draw.choice(("wrong", "lost", "twin")) if draw.random() < damage else ""
        tools += [draw.choice(needless) if fault == "wrong" else task.tool] * (fault != "lost")
        tools += [draw.choice(needless)] * (fault == "twin")
    tasks = [planned(number, tool) for number, tool in enumerate((tools or needless)[:6] if tools else needless[:1], 1)]
    return json.dumps({"plan": {"rationale": "as scripted", "tasks": tasks}})


def planned(number: int, tool: str) -> dict[str, object]:
    before = [number - 1] if number > 1 else []
    return {"id": number, "tool": tool, "title": f"use {tool}"[:60], "depends_on": before, "success_criterion": "done"}


@cache
def score_of(reply: str, goal: str) -> float:
    tasks = [Task.model_validate(task) for task in json.loads(reply)["plan"]["tasks"]]
    return PLANNER.metric(planner_rows()[goal], dspy.Prediction(tasks=tasks, failure=None)).value


class SimulatedModel:
    """An embedded model that takes its time on the clock alone. At the second `interrupt_at` it sends SIGINT."""

    supports_response_schema = True
    supports_function_calling = False
    supports_reasoning = False
    supported_params = frozenset({"response_format", "temperature", "max_tokens"})

    def __init__(self, machine: Machine, clock: Clock, seed: int = 0, interrupt_at: float | None = None) -> None:
        self.machine, self.clock, self.interrupt_at = machine, clock, interrupt_at
        self.replies: Replies | None = None
        self.seed = seed
        self.calls: list[str] = []
        self.took: list[float] = []

    def __deepcopy__(self, memo):
        return self

    def complete(self, request):
        self.took.append(self.seconds())
        self.clock.now += self.took[-1]
        if self.interrupt_at is not None and self.clock.now >= self.interrupt_at:
            self.interrupt_at = None
            os.kill(os.getpid(), signal.SIGINT)
        reply = self.answer(request)
        return lm15.Response(
            id=None, model="simulated", message=lm15.Message.assistant(reply), finish_reason="stop", usage=lm15.Usage()
        )

    def seconds(self) -> float:
        machine, first = self.machine, not self.calls
        slow = machine.half_speed_from is not None and self.clock.now >= 60 * machine.half_speed_from
        return machine.seconds * (2 if slow else 1) * (STALLED if self.stalls() else 1) + machine.load * first

    def stalls(self) -> bool:
        """Tell whether this call stalls: of so many in a row just one does, no one knows which."""
        if not self.machine.stalls:
            return False
        turn, place = divmod(len(self.took), round(1 / self.machine.stalls))
        return place == random.Random(f"stalls-{self.seed}-{turn}").randrange(round(1 / self.machine.stalls))

    def answer(self, request) -> str:
        if "`plan` (DraftPlan)" in str(request.system):
            self.calls.append("task")
            assert self.replies is not None
            return self.replies.reply(*asked_of(request))
        self.calls.append("reflection")
        rule = RULES[len(self.calls) % len(RULES)]
        if "new_instruction" in str(request.system):
            return json.dumps({"new_instruction": f"Break the goal into tasks. {rule}"})
        return json.dumps({"proposal": {"rule": rule}})

    def stream(self, request):
        return lm15.response_to_events(self.complete(request))

    def close(self):
        pass


# The run ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """report: of the last process; minutes: of all processes together; before, after: the file in use, None for none;
    worth_before, worth_after: what they score in truth, over rows that no run has read; calls, seconds: of this process."""

    report: Report
    minutes: float
    before: Path | None
    after: Path | None
    worth_before: float
    worth_after: float
    calls: tuple[str, ...]
    seconds: tuple[float, ...]


@dataclass
class Newcomer:
    """Someone with an empty user directory who runs the first command of the README."""

    machine: Machine
    folder: Path
    lm: str = LM
    seed: int = 0
    levels: Mapping[str, float] = field(default_factory=lambda: MEASURED)
    recorded: Mapping[str, str] = field(default_factory=read_recorded)

    def run(self, interrupt_at: float | None = None) -> Outcome:
        """Train once. interrupt_at: seconds into this process at which the user presses Ctrl-C."""
        clock = Clock()
        model = SimulatedModel(self.machine, clock, self.seed, interrupt_at)
        lm = dspy.LM(self.lm, engine=model, cache=False, num_retries=0, temperature=0.0)
        training = default_training(lm, self.seed)
        before = store.in_use("planner", self.lm)
        replies = model.replies = self.replies(training)
        worth_before = self.worth(replies)
        report, minutes = trained(training, self.folder, clock)
        after = store.in_use("planner", self.lm)
        return Outcome(report, minutes, before, after, worth_before, self.worth(replies), tuple(model.calls), tuple(model.took))

    def replies(self, training: Training) -> Replies:
        job = job_of(training.recipe, training.rows, training.seed)
        pool = [row.goal for row in job.store.rows]
        shipped = store.shipped_directory() / "planner" / f"{store.file_name(LM)}.json"
        goals = [demo["goal"] for demo in store.read_compiled(shipped).predictors["plan"].demos]
        return Replies(self.recorded, self.levels, self.seed, goals, pool, pool[: job.store.count])

    def worth(self, replies: Replies) -> float:
        """Score what `load` gives now on rows that no run reads: the last ones of the test split, by the stand-in alone."""
        file = store.in_use("planner", self.lm)
        shown = shown_by(self.lm, file and file.read_bytes())
        scores = [score_of(replies.reply(each, goal), goal) for goal, each in shown.items()]
        return sum(scores) / len(scores)


@cache
def shown_by(lm: str, in_use: bytes | None) -> dict[str, tuple[str, ...]]:
    """Return for the goals of the last rows those of the demonstrations that `load` shows; in_use: the file that it reads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plan = load("planner", lm).plan
    goals = list(planner_rows())[-200:]
    return {goal: tuple(demo["goal"] for demo in plan.with_nearest({"goal": goal}).get("demos", plan.demos)) for goal in goals}


def default_training(lm: dspy.LM, seed: int = 0) -> Training:
    """Return what `train --module planner` does when nothing else is said."""
    sizes = dict.fromkeys(("train", "val", "test", "transfer_val"))
    rows = data_directory("planner")
    return training_of(PLANNER, lm, lm, ("auto", None), (None, Budget()), seed, None, rows, sizes, None)


def trained(training: Training, folder: Path, clock: Clock) -> tuple[Report, float]:
    """Do what `train_in` does, with this clock. Returns the report and the minutes it took, earlier processes included."""
    run = RunDirectory(folder)
    with contextlib.closing(run), open(os.devnull, "w") as nowhere:
        remember_compiled(training, run)
        run.claim(identity_for(training, folder))
        with contextlib.closing(Journal(run.journal)) as journal:
            meter = Meter(limits=Budget() if training.patient else training.budget, clock=clock)
            report = train(training, run, Progress(meter, None, nowhere), meter, journal)
            return report, meter.elapsed / 60


def line_of(name: str, outcome: Outcome) -> str:
    report = outcome.report
    change = "promoted" if report.promoted else f"kept: {report.why_not}"
    tasks, reflections = (outcome.calls.count(role) for role in ("task", "reflection"))
    return (
        f"{name:34} {outcome.minutes:5.1f} min  rows asked {tasks:4}  reflections {reflections:3}  candidates "
        f"{len(report.candidates):3}  worth {outcome.worth_before:.3f} -> {outcome.worth_after:.3f}  {change}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--seconds", type=float, nargs="*", default=[2, 5, 10, 25, 60], help="a row takes")
    parser.add_argument("--stalls", type=float, default=0.05, help="share of calls that take ten times as long")
    arguments = parser.parse_args()
    for seconds in arguments.seconds:
        for seed in range(arguments.seeds):
            with tempfile.TemporaryDirectory() as folder:
                os.environ[store.DIRECTORY_VARIABLE] = f"{folder}/compiled"
                newcomer = Newcomer(Machine(seconds, arguments.stalls), Path(folder) / "run", seed=seed)
                print(line_of(f"{seconds:g} s a row, seed {seed}", newcomer.run()), flush=True)


if __name__ == "__main__":
    main()
