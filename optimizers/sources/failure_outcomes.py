"""Whole recorded runs and how they ended: what the failure judge meets in use, nothing cut.

Input      raw: the folder that holds failure_judge/ and actor/workbench/.
Output     Ended: a trace as a user would hand it in, `is_successful` unknown to it, and what is known of the run besides.
Guarantees a WorkBench run is right if it ended without an exception and its calls changed what the gold calls change: in
           any order, letters in any case, calls that a tool turned down not counted. The source counts a plot until today
           as wrong, because there are visits until yesterday only: nothing a reader could fault, so that is unknown here.
           WorkBench's system prompt (today is 2023-11-30) is not recorded, so it is not in the trace.
Raises     DatasetError if a file is missing or malformed.
Source     see datasets/failure_judge/CARD.md.
"""

import ast
import csv
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dspy_programs.errors import DatasetError
from dspy_programs.types import Trace
from optimizers.sources.failure_judge_runs import WRITES, Step, agent, call, steps_of, user
from optimizers.sources.failure_labels import TAU, WORKBENCH, tau, typed
from optimizers.sources.reading import read_csv, read_jsonl

WHO_AND_WHEN = "who-and-when"
_TURNED_DOWN = re.compile(
    r"not (?:found|provided|valid)|^Invalid |^Missing |must be one of|is not a valid tool|only access|^Error"
)
_TODAY, _LAST_DAY = "2023-11-30", "2023-11-29"  # of WorkBench, and of its visits
_TABLES = {
    "calendar": ("calendar_events", "event_id"),
    "customer_relationship_manager": ("customer_relationship_manager_data", "customer_id"),
    "project_management": ("project_tasks", "task_id"),
}


@dataclass(frozen=True)
class Ended:
    """One run. went_well: None if unknown. gold: what a right run does or answers, as the source says it.

    turn, why: the turn that people blame and their reason, where they did.
    """

    trace: Trace
    group: str
    source: str
    model: str
    went_well: bool | None
    gold: str = ""
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
    stored = _stored(raw)
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
        well = False if row["error"] else _went_well(steps, ast.literal_eval(told["answer"]), stored)
        model = id_.split("__")[1].rsplit("-", 1)[0]
        yield Ended(trace, told["base_template"], WORKBENCH, model, well, told["answer"])


def _turns(query: str, steps: Sequence[Step], answer: str) -> list[dict[str, Any]]:
    turns = [user(query)]
    for name, given, output, thought in steps:
        turns += [agent(thought)] if thought else []
        turns.append(call(name, given, output))
    return [{k: v for k, v in turn.items() if v is not None} for turn in [*turns, agent(answer)]]


class _Changes:
    """What calls have changed in the end: what was set back, or made and deleted again, has not changed."""

    def __init__(self, stored: Mapping[tuple[str, str], Mapping[str, str]]) -> None:
        self.stored = stored
        self.made: dict[str, dict[str, str]] = {}
        self.fields: dict[tuple[str, str, str], str] = {}
        self.gone: set[tuple[str, str]] = set()

    def apply(self, name: str, given: Mapping[str, Any], output: Any = "") -> None:
        """Take one call that changes something. output: the id of what was made, if there is one."""
        room, _, verb = name.rpartition(".")
        plain = {key: str(value).lower() for key, value in given.items() if value not in (None, "")}
        id_ = next((value for key, value in plain.items() if key.endswith("_id")), "")
        if not verb.startswith(("update_", "delete_")):
            place = str(output) if str(output).isdigit() else f"{len(self.made)} {name}"
            self.made[place] = {"tool": name, **plain}
        elif verb.startswith("delete_"):
            if not self.made.pop(id_, None):
                self.gone.add((room, id_))
        elif id_ in self.made:
            self.made[id_][plain.get("field", "")] = plain.get("new_value", "")
        else:
            self.fields[room, id_, plain.get("field", "")] = plain.get("new_value", "")

    def result(self, today: str = "") -> tuple[object, ...]:
        """Return it all in a form to compare. today: a plot until then counts as one until the last day with data."""
        texts = [str(sorted(fields.items())) for fields in self.made.values()]
        made = Counter(text.replace(today, _LAST_DAY) if today and "create_plot" in text else text for text in texts)
        fields = {
            key: value
            for key, value in self.fields.items()
            if key[:2] not in self.gone and self.stored.get(key[:2], {}).get(key[2], "").lower() != value
        }
        return made, fields, self.gone


def _stored(raw: Path) -> dict[tuple[str, str], dict[str, str]]:
    """Return the records that can be updated, by tool and id, as they are before a run."""
    return {
        (room, row[key]): row
        for room, (file, key) in _TABLES.items()
        for row in read_csv(raw / f"actor/workbench/processed/{file}.csv")
    }


def _went_well(steps: Sequence[Step], gold: Sequence[str], stored: Mapping[tuple[str, str], Mapping[str, str]]) -> bool | None:
    done, right = _Changes(stored), _Changes(stored)
    for name, given, output, _ in steps:
        if WRITES.search(name) and isinstance(given, dict) and not _TURNED_DOWN.search(str(output)[:200]):
            done.apply(name, given, output)
    for text in gold:
        node = ast.parse(text, mode="eval").body
        if isinstance(node, ast.Call):
            given = {str(k.arg): ast.literal_eval(k.value) for k in node.keywords}
            right.apply(ast.unparse(node.func).removesuffix(".func"), given)
    if done.result() == right.result():
        return True
    return None if done.result(_TODAY) == right.result(_TODAY) else False


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
        yield Ended(trace, group, WHO_AND_WHEN, "several", False, gold, blamed, why)
