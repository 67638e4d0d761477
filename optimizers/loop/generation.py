"""Rows made from failures: the same kind of request with new content, and the right answer to it.

Input      the folder of a harvest of the actor or the planner; files of what must stay unseen.
Output     Generated; the rows are in a file, what was refused beside it, with the reason.
Guarantees a row is checked by rules: its answer fits the tools, each of its values is known before, a plan can be run; it is
           near to nothing that must stay unseen and to no other row; its provenance says `generated`, from which row and for
           which failure, and who worded it. The file is written whole or not at all; the same folder, models' answers and
           seed give the same rows.
Raises     what a model raises that does not answer; BudgetSpent.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dspy
from pydantic import TypeAdapter

from dspy_programs.atomic_file import opened_atomically
from dspy_programs.lm import running_on
from dspy_programs.types import Function, Task, plan_problems
from optimizers.harvesting import call_fault
from optimizers.loop.lessons import Lesson, lessons_of
from optimizers.loop.loop_rows import failures_in, lines_of
from optimizers.loop.unseen import Unseen
from optimizers.loop.variation import ANSWER, ASKED, Pool, lost_value, pool_of, varied

GENERATES = tuple(ASKED)
"""The programs that rows are generated for."""
MOST = 40  # rows
_PER_ROW = 3  # made of one row
_TRIES = 3  # at a row whose values met something known
_TASKS = TypeAdapter(list[Task])
_TOOLS = TypeAdapter(list[Function])

Row = Mapping[str, Any]


@dataclass
class Generated:
    """failures: how many were read; lessons: for how many there was a right answer; worded: rows in a model's words."""

    failures: int = 0
    lessons: int = 0
    rows: int = 0
    worded: int = 0
    refused: Counter[str] = field(default_factory=Counter)


def generate(
    module: str,
    data: Path,
    out: Path,
    unseen: Sequence[Path],
    known: Sequence[Path],
    lm: dspy.LM | None = None,
    *,
    label: str = "generated",
    most: int = MOST,
    seed: int = 0,
) -> Generated:
    """Make rows. unseen: besides the held-back rows in `data`; known: files of earlier ones; lm: who words the requests."""
    held_back = [data / "val.jsonl", data / "test.jsonl"]
    train = list(lines_of(data / "train.jsonl"))
    barred = Unseen(module, [*unseen, *held_back], [*train, *(row for path in known for row in lines_of(path))])
    failures = list(failures_in(data / "failures.jsonl"))
    made = Generated(failures=len(failures))
    pool, used = pool_of(module, train), Counter[str]()
    with opened_atomically(out) as rows, opened_atomically(out.with_suffix(".rejects.jsonl")) as rejects:
        for lesson in lessons_of(module, failures, train):
            made.lessons += 1
            source = str(lesson.row["id"])
            if made.rows >= most or used[source] >= _PER_ROW:
                continue
            used[source] += 1
            new = _new_row(module, lesson, pool, barred.fault, lm, random.Random(f"{seed}-{label}-{source}-{used[source]}"))
            if isinstance(new, str):
                made.refused[new.split(":")[0]] += 1
                _write(rejects, {"reason": new, "failed": lesson.failed, "from": source})
                continue
            made.rows += 1
            made.worded += new["provenance"]["worded_by"] != "rules"
            _write(rows, {**new, "id": f"{label}-{made.rows}"})
    return made


def _new_row(
    module: str, lesson: Lesson, pool: Pool, barred: Callable[[Row], str], lm: dspy.LM | None, draw: random.Random
) -> dict[str, Any] | str:
    """Return a new row, or why there is none. A wording that is no good is replaced by that of the row it comes from."""
    why = "nothing of the request can be varied"
    for _ in range(_TRIES):
        row = varied(module, lesson.row, pool, draw)
        if row is None:
            return why
        told = {"label": "generated", "generated": True, "from": lesson.row["id"], "failed": lesson.failed, "weight": 1.0}
        told |= {"feedback": lesson.feedback}
        if lm is not None and (worded := _worded(module, row, lesson, lm)) and not (_fault(module, worded) or barred(worded)):
            return {**worded, "provenance": {**told, "worded_by": str(lm.model)}}
        why = _fault(module, row) or barred(row)
        if not why:
            return {**row, "provenance": {**told, "worded_by": "rules"}}
    return why


def _worded(module: str, row: Row, lesson: Lesson, lm: dspy.LM) -> dict[str, Any] | None:
    """Return the row with its request in a model's words; None if it lost a value of the answer or cannot be read."""
    from optimizers.loop.wording import in_other_words

    with running_on(lm):
        request = in_other_words(row[ASKED[module]], json.dumps(row[ANSWER[module]], ensure_ascii=False), lesson.feedback)
    if not request:
        return None
    new = {**row, ASKED[module]: request}
    return None if lost_value(module, new, row) else new


def _fault(module: str, row: Row) -> str:
    """Return what is wrong with a row by rules; "" if nothing is."""
    if module == "actor":
        return call_fault(row["task"], row["context"], row["trajectory"], row["calls"], _TOOLS.validate_python(row["tools"]))
    return next(iter(plan_problems(_TASKS.validate_python(row["tasks"]), [tool["name"] for tool in row["tools"]])), "")


def _write(file: Any, line: Mapping[str, Any]) -> None:
    file.write(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
