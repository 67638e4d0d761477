"""Fabric's system prompts converted to scorer rows: real agent prompts; the program's own rows are chat requests.

Input      raw: a folder with section_scorer/fabric_patterns; own: the scorer's rows.
Output     {"transfer_val": rows, "transfer_test": rows}; rows as those of section_scorer.py, three of each prompt.
Guarantees the same input gives the same rows, bit for bit; a prompt is in one half only, its task is no section of `own` and
           shares no more than half of its words with a task there or here; no filler states what a rubric asks for.
Raises     DatasetError if the file is missing or malformed.
Source     github.com/danielmiessler/fabric, commit 272f04dd (MIT); see datasets/section_scorer/CARD.md.
"""

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dspy_programs.errors import DatasetError
from dspy_programs.text import sentences
from optimizers.sources.fabric_criteria import LINES, Line
from optimizers.sources.reading import read_jsonl
from optimizers.sources.section_scorer import (
    LONGEST_RULE,
    LONGEST_TASK,
    Constraint,
    Prompt,
    fair_sample,
    group_rows,
    read_fillers,
)
from optimizers.sources.transfer import HALVES, Splits, Transfer, checked, unlike

SEED = 20261128
GROUPS = 10  # of three rows each, in a half
FEWEST, MOST = 3, 5  # criteria

Row = dict[str, Any]


def build(raw: Path, own: Splits) -> dict[str, list[Row]]:
    """Draw the prompts of both halves alternately."""
    folder = raw / "section_scorer"
    known = {split: [{"text": _task_of(row)} for row in rows] for split, rows in own.items()}
    sections = {section["content"] for rows in own.values() for row in rows for section in row["sections"]}
    prompts = [prompt for prompt in _fabric_prompts(folder) if not any(text.startswith(prompt.base[:60]) for text in sections)]
    random.Random(SEED).shuffle(prompts)
    found = unlike(({"text": prompt.base, "prompt": prompt} for prompt in prompts), known, lambda row: str(row["text"]))
    prompts = [row["prompt"] for row in found]
    quiet = [text for text in read_fillers(folder) if text not in sections and not any(states(line, text) for line in LINES)]
    halves = {}
    for place, half in enumerate(HALVES):
        mine = prompts[place :: len(HALVES)][:GROUPS]
        fillers = [text for text in quiet[place :: len(HALVES)] if not any(text.startswith(p.base[:60]) for p in prompts)]
        rows = [row for prompt in mine for row in group_rows(prompt, [], fillers)]
        halves[half] = fair_sample(rows, len(rows))
    return checked(halves, raw)


def _task_of(row: Row) -> str:
    return next(str(section["content"]) for section in row["sections"] if section["name"] == "task")


def _fabric_prompts(folder: Path) -> Iterator[Prompt]:
    """Yield the prompts that say what they are in a first sentence, and have three known lines or more."""
    for where, record in read_jsonl(folder / "fabric_patterns" / "system_prompts.jsonl"):
        try:
            lines = [re.sub(r"^[\s\-*\d.]+", "", line).strip() for line in record["text"].splitlines() if line[:1] != "#"]
            name = record["name"]
        except (KeyError, TypeError, AttributeError) as error:
            raise DatasetError(f"{where}: not a record of Fabric: {error!r}") from error
        first = next(iter(sentences(next(filter(None, lines), ""))), "")
        constraints = constraints_of(lines)
        if FEWEST <= len(constraints) and 40 <= len(first) <= LONGEST_TASK and not any(states(line, first) for line in LINES):
            chosen = random.Random(f"{SEED}-{name}").sample(constraints, min(MOST, len(constraints)))
            yield Prompt(f"fabric-{name}", "fabric", first, chosen, frozenset())


def constraints_of(lines: list[str]) -> list[Constraint]:
    """Return the lines that state one of the known things each, the first of those that state the same."""
    found: dict[str, Constraint] = {}
    for text in lines:
        stated = [line for line in LINES if states(line, text)]
        if len(stated) == 1 and len(text) <= LONGEST_RULE:
            line = stated[0]
            found.setdefault(line.name, Constraint(line.name, text, line.asked, line.again, line.decoys))
    return list(found.values())


def states(line: Line, text: str) -> bool:
    return bool(re.search(line.find, text, re.IGNORECASE))


TRANSFER = Transfer(("section_scorer/fabric_patterns",), build)
