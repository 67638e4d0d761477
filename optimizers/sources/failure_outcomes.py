"""Whole recorded runs and how they ended: what the failure judge meets in use, nothing cut.

Input      raw: the folder that holds failure_judge/ and actor/workbench/.
Output     Ended: a trace as a user would hand it in, its outcome hidden, and what is known of the run besides.
Guarantees WorkBench's outcome is that of workbench_outcome.py, and False where an exception or a limit ended the run. Its
           system prompt (today is 2023-11-30) is not recorded, so it is not in the trace.
Raises     DatasetError if a file is missing or malformed.
Source     see datasets/failure_judge/CARD.md.
"""

import ast
import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dspy_programs.errors import DatasetError
from dspy_programs.types import Trace
from optimizers.sources.failure_judge_runs import Step, agent, call, steps_of, user
from optimizers.sources.failure_labels import TAU, WORKBENCH, tau, typed
from optimizers.sources.reading import read_csv, read_jsonl
from optimizers.sources.workbench_outcome import changes_something, stored_records, went_well

WHO_AND_WHEN = "who-and-when"


@dataclass(frozen=True)
class Ended:
    """One run. went_well: None if unknown. gold: what a right run does or answers, as the source says it.

    changes: whether a right run changes anything; if not, one that broke off at once is right too, by luck.
    turn, why: the turn that people blame and their reason, where they did.
    """

    trace: Trace
    group: str
    source: str
    model: str
    went_well: bool | None
    gold: str = ""
    changes: bool = True
    turn: int | None = None
    why: str = ""


def ended_runs(raw: Path) -> list[Ended]:
    """Return WorkBench's runs, tau-bench's airline conversations, and Who&When's, each as recorded."""
    return [*workbench_ended(raw), *tau_ended(raw), *who_and_when_ended(raw)]


def workbench_ended(raw: Path) -> Iterator[Ended]:
    csv.field_size_limit(sys.maxsize)
    gold = {
        row["query"]: row
        for path in sorted((raw / "actor/workbench/processed/queries_and_answers").glob("*.csv"))
        for row in read_csv(path)
    }
    read = [
        (f"{path.stem}-{number}", row, *steps_of(f"{path}:{number}", row["full_response"], cut=False))
        for path in sorted((raw / "failure_judge/workbench_traces").glob("*.csv"))
        for number, row in enumerate(read_csv(path))
        if row["full_response"] and row["query"] in gold
    ]
    if not read:
        raise DatasetError(f"{raw}: no run of failure_judge/workbench_traces has its query in actor/workbench")
    known = sorted({step[0] for _, _, steps, _ in read for step in steps if "is not a valid tool" not in str(step[2])})
    stored = stored_records(raw)
    for id_, row, steps, answer in read:
        told = gold[row["query"]]
        domains = {*ast.literal_eval(told["domains"]), "company_directory"}
        trace = Trace(
            trace_id=id_,
            original_goal=row["query"].strip(),
            final_result=answer.strip(),
            error=row["error"] or None,
            tools=[tool for tool in known if tool.split(".")[0] in domains],
            turns=typed(_turns(row["query"].strip(), steps, answer.strip())),
        )
        calls = ast.literal_eval(told["answer"])
        well = False if row["error"] else went_well(steps, calls, stored)
        model = id_.split("__")[1].rsplit("-", 1)[0]
        yield Ended(trace, told["base_template"], WORKBENCH, model, well, told["answer"], changes_something(calls, stored))


def _turns(query: str, steps: Sequence[Step], answer: str) -> list[dict[str, Any]]:
    turns = [user(query)]
    for name, given, output, thought in steps:
        turns += [agent(thought)] if thought else []
        turns.append(call(name, given, output))
    return [{k: v for k, v in turn.items() if v is not None} for turn in [*turns, agent(answer)]]


def tau_ended(raw: Path) -> Iterator[Ended]:
    for run in tau(raw, {}):
        trace = Trace(trace_id=run.id, original_goal=run.goal, turns=run.turns)
        yield Ended(trace, run.group, TAU, "gpt-4o", run.label == "passed")


def who_and_when_ended(raw: Path) -> Iterator[Ended]:
    """Failed conversations of several agents; people named the first bad turn and said why."""
    for where, record in read_jsonl(raw / "failure_judge/who_and_when/algorithm_generated.jsonl"):
        try:
            turns = [
                call("terminal", None, said["content"]) if said["name"] == "Computer_terminal" else agent(said["content"])
                for said in record["history"]
            ]
            group, turn = f"who-{record['file']}", int(record["mistake_step"])
            trace = Trace(trace_id=group, original_goal=record["question"], turns=typed(turns))
            blamed = turn if turn < len(turns) else None
            gold, why = str(record["ground_truth"]), str(record["mistake_reason"])
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"{where}: not a record of Who&When: {error!r}") from error
        yield Ended(trace, group, WHO_AND_WHEN, "several", False, gold, True, blamed, why)
