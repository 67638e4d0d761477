"""Developers' tasks in repositories with what a good plan and its commands have, as rows of command_planner.

Input      raw: any folder; nothing is read.
Output     {"train": rows, "val": rows, "test": rows}; a row is {id, task, context, plan_keywords, commands_keywords, topic,
           wording}.
Guarantees the same rows every time, bit for bit; a repository and a kind of wording are in one split only; no two tasks of
           different splits share more than LARGEST_OVERLAP of their content words. No right command is dangerous.
Raises     DatasetError if a line is not what it should be.
Source     ours: written for this project.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from dspy_programs.errors import DatasetError
from dspy_programs.shell import danger_of
from dspy_programs.text import content_stems, jaccard
from optimizers.sources.command_planner_train import CONTEXTS
from optimizers.sources.command_planner_unseen import TEST, VAL

SPLITS: Mapping[str, Mapping[str, tuple[str, str]]] = {"train": CONTEXTS, "val": VAL, "test": TEST}
LARGEST_OVERLAP = 2 / 3  # of the content words of two tasks in different splits (Jaccard), if they have three or more
_FEWEST = 3

Row = dict[str, Any]


def build(raw: Path) -> dict[str, list[Row]]:
    """Read the lines of each split, of the repositories in turn."""
    splits = {}
    for split, held in SPLITS.items():
        rows = [list(_rows(*each)) for each in held.values()]
        in_turn = [row for at in range(max(map(len, rows))) for some in rows for row in some[at : at + 1]]
        splits[split] = [{"id": f"{split}-{at:03}", **row} for at, row in enumerate(in_turn)]
    _check_apart(splits)
    return splits


def _rows(context: str, lines: str) -> Iterator[Row]:
    for line in lines.strip().splitlines():
        parts = line.split(" :: ")
        if len(parts) != 5:
            raise DatasetError(f"{line!r} has not five parts")
        topic, wording, task, plan, commands = parts
        keywords = [] if commands == "-" else commands.split(", ")
        if any(danger_of(form) for keyword in keywords for form in keyword.split("|")):
            raise DatasetError(f"{line!r}: a right command is dangerous")
        yield {
            "task": task,
            "context": context.strip(),
            "plan_keywords": [] if plan == "-" else plan.split(", "),
            "commands_keywords": keywords,
            "topic": topic,
            "wording": wording,
        }


def _check_apart(splits: Mapping[str, list[Row]]) -> None:
    told = [(split, row["task"], set(content_stems(row["task"]))) for split, rows in splits.items() for row in rows]
    for (split, task, some), (other, again, more) in combinations(told, 2):
        is_alike = len(some | more) >= _FEWEST and jaccard(some, more) > LARGEST_OVERLAP
        if split != other and (task == again or is_alike):
            raise DatasetError(f"{task!r} and {again!r} are too alike")
