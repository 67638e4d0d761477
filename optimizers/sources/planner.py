"""UltraTool, as prepared by GNN4TaskPlan, converted to planner rows: a goal, offered tools, the reference chain of tasks.

Input      raw: a folder with data.json (one JSON object per line), tool_desc.json, split_ids.json.
Output     {"train": rows, "val": rows, "test": rows}; a row is {id, goal, tools, progress, tasks}.
Guarantees the same input gives the same rows, bit for bit; test rows are the publisher's test ids, and no goal of train
           or val shares more than half of its words with a goal of test, or with one another's.
Raises     DatasetError if a file is missing or malformed.
Source     github.com/WxxShirley/GNN4TaskPlan, commit f1486690, data/ultratool (MIT); see datasets/planner/CARD.md.
"""

import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dspy_programs.errors import DatasetError
from dspy_programs.text import jaccard, words
from optimizers.sources.reading import home, read_json, read_jsonl

SEED = 20261121
TOOLS_OFFERED = 8
SIZES = {"train": 300, "val": 100}
_SHARE_IN_PROGRESS = 0.25  # of the rows with three tasks or more: the first task is already done
_LONGEST_TITLE = 300  # characters
LARGEST_OVERLAP = 0.5  # of the words of two goals (Jaccard) in different splits

_STEP = re.compile(r"Step \d+ Call (?P<tool>\S+) to (?P<title>.+)", re.DOTALL)

Row = dict[str, Any]


def build(raw: Path, sizes: Mapping[str, int] = SIZES) -> dict[str, list[Row]]:
    """Draw the three splits; `sizes` are those of train and val."""
    raw = home(raw, "planner/ultratool")
    tools = {node["id"]: node for node in read_json(raw / "tool_desc.json")["nodes"]}
    test_ids = set(read_json(raw / "split_ids.json")["test_ids"]["chain"])
    chains = sorted(_read_chains(raw / "data.json"), key=lambda chain: int(chain["id"]))
    test = [chain for chain in chains if chain["id"] in test_ids]
    rest = [chain for chain in chains if chain["id"] not in test_ids]
    random.Random(SEED).shuffle(rest)
    splits: dict[str, list[Row]] = {"train": [], "val": [], "test": test}
    kept = [frozenset(words(chain["goal"])) for chain in test]
    for split, size in sizes.items():
        while len(splits[split]) < size:
            if not rest:
                raise DatasetError(f"{raw}: not enough chains that are unlike those of test for {size} rows of {split}")
            chain = rest.pop()
            own = frozenset(words(chain["goal"]))
            if all(jaccard(own, other) <= LARGEST_OVERLAP for other in kept):
                splits[split].append(chain)
                kept.append(own)
    return {split: [_offer_tools(chain, tools) for chain in chains] for split, chains in splits.items()}


def _read_chains(path: Path) -> list[Row]:
    chains = []
    for where, record in read_jsonl(path):
        try:
            if chain := _usable_chain(record):
                chains.append(chain)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DatasetError(f"{where}: not a record of UltraTool: {error!r}") from error
    return chains


def _usable_chain(record: Row) -> Row | None:
    """Return {id, goal, steps: [(tool, title)]}; None if steps and tools do not match up or a title is a whole text."""
    nodes = [node["task"] for node in record["task_nodes"]]
    matches = [_STEP.fullmatch(step.strip()) for step in record["task_steps"]]
    steps = [(match["tool"], match["title"].strip()) for match in matches if match]
    paired = len(matches) == len(nodes) == len(set(nodes)) and [tool for tool, _ in steps] == nodes
    if not paired or any(len(title) > _LONGEST_TITLE for _, title in steps):
        return None
    return {"id": record["id"], "goal": record["user_request"].strip(), "steps": steps}


def _offer_tools(chain: Row, tools: dict[str, Row]) -> Row:
    """Give the row its own tool list: the tools of the chain, and distractors of which half are from the same domains."""
    draw = random.Random(f"{SEED}-{chain['id']}")
    steps, progress = list(chain["steps"]), ""
    needed = [tool for tool, _ in steps]
    if len(steps) >= 3 and draw.random() < _SHARE_IN_PROGRESS:
        progress = f"Done: {steps.pop(0)[1]}"
    domains = {domain for name in needed for domain in tools[name]["domain"]}
    others = sorted(tools.keys() - set(needed))
    near = [name for name in others if domains & set(tools[name]["domain"])]
    missing = TOOLS_OFFERED - len(needed)
    offered = needed + draw.sample(near, min(len(near), missing // 2))
    offered += draw.sample([name for name in others if name not in offered], TOOLS_OFFERED - len(offered))
    draw.shuffle(offered)
    return {
        "id": chain["id"],
        "goal": chain["goal"],
        "tools": [{"name": name, "description": tools[name]["desc"].strip()} for name in offered],
        "progress": progress,
        "tasks": [
            {"id": i, "tool": tool, "title": title, "depends_on": [i - 1] if i > 1 else [], "success_criterion": ""}
            for i, (tool, title) in enumerate(steps, 1)
        ],
    }
