"""Questions about repositories with the tool that answers them, as rows of orchestrator.

Input      raw: a folder of installed packages (site-packages) with those that the workspaces are named after.
Output     {"train": rows, "val": rows, "test": rows}; a row is {id, query, workspace, logs, targets, calls, missing, topic,
           wording}.
Guarantees the same input gives the same rows, bit for bit; a workspace and a kind of wording are in one split only; no two
           queries of different splits share more than half of their words; a call has only arguments of its tool.
Raises     DatasetError if a package is missing, or a line is not what it should be.
Source     ours: written for this project.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dspy_programs.errors import DatasetError
from dspy_programs.programs.orchestrator import REPOSITORY_TOOLS
from dspy_programs.text import content_stems, jaccard
from metrics.actor import AcceptedCall
from optimizers.sources.orchestrator_train import WORKSPACES
from optimizers.sources.orchestrator_unseen import TEST, VAL

SPLITS: Mapping[str, Mapping[str, tuple[str, str]]] = {"train": WORKSPACES, "val": VAL, "test": TEST}
LARGEST_OVERLAP = 0.5  # of the content words of two queries in different splits (Jaccard)
_ARGUMENT = re.compile(r" (?=\??[a-z]+=)")
_PARAMETERS = {tool.name: tool.parameters for tool in REPOSITORY_TOOLS}
_IMPLIED = {"search": "question", "commands": "task", "plan": "task", "edit": "task", "run": "task"}

Row = dict[str, Any]


def build(raw: Path) -> dict[str, list[Row]]:
    """Read the lines of each split."""
    splits = {split: [row for name in held for row in _rows(raw, name, *held[name])] for split, held in SPLITS.items()}
    _check_apart(splits)
    return {
        split: [{"id": f"{split}-{at:03}", **row} for at, row in enumerate(_in_turn(rows))] for split, rows in splits.items()
    }


def _in_turn(rows: list[Row]) -> list[Row]:
    """Return rows of every workspace in turn, so that the first ones are of all of them."""
    held: dict[str, list[Row]] = {}
    for row in rows:
        held.setdefault(row["workspace"], []).append(row)
    return [row for at in range(len(rows)) for some in held.values() for row in some[at : at + 1]]


def _rows(raw: Path, name: str, listing: str, lines: str) -> Iterator[Row]:
    workspace = listing.strip() or _listing(raw, name)
    for line in lines.strip().splitlines():
        parts = line.split(" :: ")
        if len(parts) != 4:
            raise DatasetError(f"the queries of {name}: {line!r} has not four parts")
        wording, query, told, targets = parts
        missing = re.findall(r"(\w+)=!", told)
        calls = [] if told == "-" else [_call(each, query) for each in told.split(" / ")]
        yield {
            "query": query,
            "workspace": workspace,
            "logs": "",
            "targets": [] if targets == "-" else targets.split(", "),
            "calls": [call.model_dump() for call in calls],
            "missing": missing,
            "topic": calls[0].tool if calls else "none",
            "wording": wording,
        }


def _listing(raw: Path, package: str) -> str:
    folder = raw / package
    if not folder.is_dir():
        raise DatasetError(f"{raw}: {package} is not installed there; install what requirements.lock names")
    return "\n".join(sorted(path.relative_to(raw).as_posix() for path in folder.rglob("*.py")))


def _call(told: str, query: str) -> AcceptedCall:
    tool, *arguments = _ARGUMENT.split(told)
    accepted: dict[str, list[Any]] = {_IMPLIED[tool]: [query]} if tool in _IMPLIED else {}
    for argument in arguments:
        name, _, values = argument.lstrip("?").partition("=")
        if values != "!":
            accepted[name] = [*map(_value, values.split(";")), *([""] if argument.startswith("?") else [])]
    properties = _PARAMETERS.get(tool, {}).get("properties")
    if not isinstance(properties, dict) or not accepted.keys() <= properties.keys():
        raise DatasetError(f"{told!r}: no such call")
    return AcceptedCall(tool=tool, accepted=accepted)


def _value(text: str) -> str | int:
    return int(text) if text.isdigit() else text


def _check_apart(splits: Mapping[str, list[Row]]) -> None:
    words = [(split, row["query"], set(content_stems(row["query"]))) for split, rows in splits.items() for row in rows]
    for at, (split, query, some) in enumerate(words):
        for other, question, more in words[at + 1 :]:
            if query == question or (split != other and len(some | more) > 2 and jaccard(some, more) > LARGEST_OVERLAP):
                raise DatasetError(f"{query!r} and {question!r} are too alike")
