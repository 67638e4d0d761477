"""From recorded runs to rows that `optimizers.train` reads: one pass to know the tools and outcomes, one to make the rows.

Input      traces in every format that the failure tool reads; the programs to harvest for.
Output     for each program a folder with train, val and test.jsonl, failures.jsonl (steps that failed, with feedback), and
           rejects.jsonl: what was left out, and why.
Guarantees memory does not grow with the runs but for 16 bytes a run and about 150 a row, of one program at a time; the same
           traces give the same files; every file is written whole or not at all; every record of the traces is a row, a
           failed step or a reject.
Raises     UsageError for paths that cannot be read, for a folder that holds a harvest already, and for no trace at all.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dspy_programs.errors import UsageError
from dspy_programs.failures import FACTS, FailureClassifier, read_traces
from dspy_programs.programs.failure_judge import View
from dspy_programs.types import Trace
from optimizers.harvesting.actor_rows import actor_rows, is_too_long
from optimizers.harvesting.judge_rows import judge_rows
from optimizers.harvesting.known_runs import KnownRuns
from optimizers.harvesting.memory_rows import memory_rows
from optimizers.harvesting.outcome import outcome_of, outcome_on_record
from optimizers.harvesting.output_files import FILES, SPLITS, OutputFiles
from optimizers.harvesting.planner_rows import planner_rows
from optimizers.harvesting.provenance import failed_line, goal_key, id_of, provenance_of
from optimizers.harvesting.redaction import redacted
from optimizers.harvesting.row import Found, Run
from optimizers.harvesting.store import Store, number_of, stores

MODULES = ("actor", "failure_judge", "memory_summarizer", "planner")
MIN_PROBABILITY = 0.5
PER_GOAL = 20
_ONE_ANSWER = ("failure_judge", "memory_summarizer")  # a goal can be reached, and a call made, in several ways
_MENU_SHOWN = 900  # characters of tools in a train row: a demonstration has at most 1,600 in all

Progress = Callable[[int, int], None]


@dataclass
class Harvest:
    """What a harvest gave. rows: program -> split -> rows; failed: program -> steps; reasons: program -> reason -> count."""

    runs: int = 0
    unreadable: int = 0
    recorded: int = 0
    rows: dict[str, Counter[str]] = field(default_factory=dict)
    failed: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, Counter[str]] = field(default_factory=dict)


def harvest_runs(
    traces: Sequence[str | Path],
    modules: Sequence[str],
    out: Path,
    *,
    min_probability: float = MIN_PROBABILITY,
    per_goal: int = PER_GOAL,
    replace: bool = False,
    without: Collection[str] = (),
    judged: bool = True,
    progress: Progress | None = None,
) -> Harvest:
    """Make rows of all runs for all programs; see the module docstring.

    min_probability: that the judge's guess must have; without: goals to leave out, whatever their numbers, as those of a test;
    judged: let the judge guess missing outcomes, and say of failures how and where.
    """
    if any(str(path) == "-" for path in traces):
        raise UsageError("traces are read twice, which a pipe does not allow; give files or folders")
    taken = [out / name / f"{file}.jsonl" for name in modules for file in FILES if (out / name / f"{file}.jsonl").exists()]
    if taken and not replace:
        raise UsageError(f"{taken[0]} exists: give another folder, or replace that harvest with --replace")
    known = KnownRuns()
    for item in read_traces(traces, progress=progress):
        if item.trace is not None:
            known.learn(item.trace)
    if not known.runs:
        raise UsageError(f"no trace can be read in {', '.join(map(str, traces))}; give files or folders with recorded runs")
    out.mkdir(parents=True, exist_ok=True)
    with stores(list(modules), out) as kept, OutputFiles(out, modules) as files:
        left_out = frozenset(map(goal_key, without))
        return _Making(kept, files, known, min_probability, left_out, judged).all(traces, per_goal, progress)


class _Making:
    """The second pass."""

    def __init__(
        self,
        kept: Mapping[str, Store],
        files: OutputFiles,
        known: KnownRuns,
        min_probability: float,
        left_out: frozenset[str],
        judged: bool,
    ) -> None:
        self.kept, self.files, self.known, self.min_probability = kept, files, known, min_probability
        self.left_out, self.judged = left_out, judged
        self.classifier = FailureClassifier(use_llm=False, min_probability=0)
        self.done = Harvest(reasons={name: Counter() for name in kept})
        self.is_contradicted = known.contradicted()

    def all(self, traces: Sequence[str | Path], per_goal: int, progress: Progress | None) -> Harvest:
        for item in read_traces(traces, progress=progress):
            if item.trace is None:
                self.done.unreadable += 1
                self.reject_everywhere({"source": item.source}, f"cannot be read: {item.problem}")
            else:
                self.done.runs += 1
                self.of_run(item.source, item.trace)
        for name, store in self.kept.items():
            write, reject = (self.writer(name), self.rejecter(name))
            self.done.rows[name] = store.finish(per_goal, name in _ONE_ANSWER, write, reject)
        return self.done

    def writer(self, name: str) -> Callable[[str, dict[str, Any]], None]:
        def write(split: str, line: dict[str, Any]) -> None:
            if split == "train" and name in ("actor", "planner"):
                line = with_fewer_tools(line)
            self.files.write(name, split, line)

        return write

    def rejecter(self, name: str) -> Callable[[dict[str, Any], str], None]:
        def reject(line: dict[str, Any], reason: str) -> None:
            self.done.reasons[name][_kind(reason)] += 1
            self.files.write(name, "rejects", {"reason": reason, **line})

        return reject

    def reject_everywhere(self, line: dict[str, Any], reason: str) -> None:
        for name in self.kept:
            self.rejecter(name)(line, reason)

    def of_run(self, source: str, raw: Trace) -> None:
        """Make the rows of one run."""
        line = {"source": source, "trace": raw.trace_id}
        self.done.recorded += raw.is_successful is not None
        if self.left_out and goal_key(raw.original_goal) in self.left_out:
            self.reject_everywhere(line, "the goal is one of the test's")
            return
        if self.is_contradicted(raw):
            self.reject_everywhere(line, "the run is on record both as a success and as a failure")
            return
        outcome = outcome_of(raw, self.classifier.classify(raw)) if self.judged else outcome_on_record(raw)
        if outcome.recorded and outcome.succeeded and (fault := self.observed_failure(raw)):
            self.reject_everywhere(line, f"recorded as a success, yet the run ended with {fault}")
            return
        if not outcome.recorded and not self.judged:
            self.reject_everywhere(line, "no outcome is recorded, and the judge is not asked")
            return
        if outcome.weight < self.min_probability:
            told = "has no measured probability" if outcome.probability is None else f"is right with {outcome.probability:.3f}"
            reason = f"no outcome is recorded, and the judge's guess ({outcome.mode}) {told}, below {self.min_probability:g}"
            self.reject_everywhere(line, reason)
            return
        trace, secrets = redacted(raw)
        view = View(trace)
        called = list(dict.fromkeys(call.name for call in view.calls if self.known.tools.knows(call.name)))
        run = Run(trace, view, outcome, *self.known.tools.menu(trace, called), source)
        for name, store in self.kept.items():
            self.keep(name, store, run, self.found(name, run), secrets)

    def observed_failure(self, raw: Trace) -> str:
        """Return how a run is seen to have ended badly, whatever is on record; "" if it did not."""
        report = self.classifier.classify(raw.model_copy(update={"is_successful": None}))
        mode = report.classified_failure_mode
        return mode if mode in FACTS and mode != "UNKNOWN" else ""

    def found(self, name: str, run: Run) -> Found:
        if name == "actor":
            return actor_rows(run)
        if name == "planner":
            return planner_rows(run)
        if name == "failure_judge":
            return judge_rows(run, self.min_probability)
        return memory_rows(run, run.trace.trace_id or run.source)

    def keep(self, name: str, store: Store, run: Run, found: Found, secrets: int) -> None:
        """Keep rows, write failed steps, and say what was left out."""
        goal = goal_key(run.trace.original_goal)
        for row in found.rows:
            provenance = provenance_of(run, row, secrets)
            if name in ("actor", "planner") and is_too_long(row):
                self.rejecter(name)(provenance, "longer than a model can usefully be shown")
                continue
            fields = {**row.inputs, **row.labels}
            id_ = id_of(run, row.turn, [fields, run.source])
            shape = {"asked": row.asked, "given": row.given, "answered": row.answered}
            store.add({"id": id_, **fields}, provenance, row.labels, shape, goal)
        for number, step in enumerate(found.failed):
            self.done.failed[name] += 1
            self.files.write(name, "failures", failed_line(run, step, number, secrets))
        for left in found.left_out:
            self.rejecter(name)({"source": run.source, "trace": run.trace.trace_id, "turn": left.turn}, left.reason)


def with_fewer_tools(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return a train row that can be shown to a model: of a long menu the tools that are used, and some others.

    Rows to compare on keep the whole menu.
    """
    used = {each["tool"] for each in [*line.get("calls", ()), *line.get("tasks", ())]}
    kept = [tool for tool in line["tools"] if tool["name"] in used]
    left = _MENU_SHOWN - len(json.dumps(kept, ensure_ascii=False))
    others = [tool for tool in line["tools"] if tool["name"] not in used]
    for tool in sorted(others, key=lambda tool: number_of([line["id"], tool["name"]])):
        left -= len(json.dumps(tool, ensure_ascii=False)) + 2
        if left < 0:
            break
        kept.append(tool)
    return {**line, "tools": sorted(kept, key=lambda tool: str(tool["name"]))}


def _kind(reason: str) -> str:
    """Return a reason without what is special in it, for a count."""
    return re.sub(r"\S+-\d+-[0-9a-f]{8}\b(?: \(\d\.\d+\))?", "another row", reason.split(":")[0])[:100]


def lines_of(done: Harvest) -> Iterator[str]:
    """Yield a summary."""
    guessed = done.runs - done.recorded
    yield f"runs      {done.runs} ({done.recorded} with a recorded outcome, {guessed} without), {done.unreadable} unreadable"
    for name, rows in done.rows.items():
        told = ", ".join(f"{rows[split]} {split}" for split in SPLITS if rows[split]) or "none"
        left = sum(done.reasons[name].values())
        yield f"{name:<18}rows: {told}; failed steps: {done.failed[name]}; left out: {left}"
        for reason, count in done.reasons[name].most_common(4):
            yield f"{'':<18}  {count} {reason}"
