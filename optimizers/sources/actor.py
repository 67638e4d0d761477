"""BFCL and ACEBench converted to actor rows: a task, offered functions, the context so far, the accepted calls.

Input      raw: a folder with bfcl_v4/BFCL_v4_*.json and acebench_en/data_normal_atom_*.json, both with possible_answer/
           (one JSON object per line, whatever the names say).
Output     {"train": rows, "val": rows, "test": rows}; a row is {id, task, tools, context, trajectory, calls, kind}.
Guarantees the same input gives the same rows, bit for bit; a function that a test row must call is called in no row of
           the others, and no two tasks share more than half of their words; in every split the kinds alternate.
Raises     DatasetError if a file is missing or malformed.
Source     github.com/ShishirPatil/gorilla, commit 6ea57973 (Apache-2.0); github.com/ACEBench/ACEBench, commit e6db74b7
           (MIT); see datasets/actor/CARD.md.
"""

import random
import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from dspy_programs.errors import DatasetError
from dspy_programs.programs.actor import check
from dspy_programs.schemas import JSON_TYPES
from dspy_programs.text import jaccard, words
from dspy_programs.types import Function
from metrics.actor import AcceptedCall, one_call
from optimizers.sources.reading import home, read_jsonl

SEED = 20261122
BFCL_KINDS = {
    "simple_python": "simple",
    "multiple": "multiple",
    "parallel": "parallel",
    "parallel_multiple": "parallel_multiple",
    "irrelevance": "irrelevance",
}
ATOMS = ("bool", "enum", "list", "number", "object_deep", "object_short")
KINDS = (*BFCL_KINDS.values(), "step", "atom")
_SHARE_OF_STEPS = 0.25  # of the rows with several calls: the first has already been made
PER_KIND = {"test": 50, "val": 15, "train": 42}  # maximum rows per kind, in drawing order
SHARES = {"test": 0.4, "val": 0.15, "train": 0.45}  # of the groups of functions
_LONGEST_INPUT = 1700  # characters of tools, context and task as a model reads them, about 400 tokens
_LONGEST_REPLY = 400  # characters of the calls, about 100 tokens
LARGEST_OVERLAP = 0.5  # of the words of two tasks (Jaccard)
_KEPT_KEYWORDS = ("description", "enum", "default", "minimum", "maximum", "minItems", "maxItems")

_TURN = re.compile(r"^(user|system): ", re.MULTILINE)

Row = dict[str, Any]


def build(raw: Path, per_kind: Mapping[str, int] = PER_KIND) -> dict[str, list[Row]]:
    """Draw the three splits, test first; `per_kind` is the maximum rows per kind."""
    raw = home(raw, "actor")
    rows = sorted([*_bfcl_rows(raw / "bfcl_v4"), *ace_rows(raw / "acebench_en")], key=lambda row: str(row["id"]))
    rows = [row for row in map(_as_step, rows) if row]
    random.Random(SEED).shuffle(rows)
    split_of = _split_by_function(rows)
    splits: dict[str, list[Row]] = {}
    kept: list[frozenset[str]] = []
    for split in SHARES:
        piles: dict[str, list[Row]] = {kind: [] for kind in KINDS}
        for row in rows:
            own = frozenset(words(f"{row['context']} {row['task']}"))
            pile = piles[row["kind"]]
            free = split_of[row["id"]] == split and len(pile) < per_kind[split]
            if free and all(jaccard(own, other) <= LARGEST_OVERLAP for other in kept):
                pile.append(row)
                kept.append(own)
        splits[split] = [row for turn in zip_longest(*piles.values()) for row in turn if row]
    if not all(splits.values()):
        raise DatasetError(f"{raw}: not enough rows for {', '.join(split for split in splits if not splits[split])}")
    return {split: splits[split] for split in ("train", "val", "test")}


def _bfcl_rows(folder: Path) -> Iterator[Row]:
    for name, kind in BFCL_KINDS.items():
        answers = answers_of(folder, f"BFCL_v4_{name}.json") if kind != "irrelevance" else {}
        for where, record in read_jsonl(folder / f"BFCL_v4_{name}.json"):
            try:
                task = record["question"][0][0]["content"].strip()
                calls = [accepted(tool, given) for call in answers.get(record["id"], []) for tool, given in call.items()]
                row = usable(f"bfcl_{record['id']}", kind, task, "", record["function"], calls)
            except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
                raise DatasetError(f"{where}: not a record of BFCL: {error!r}") from error
            if row and bool(calls) == (kind != "irrelevance"):
                yield row


def ace_rows(folder: Path) -> Iterator[Row]:
    for name in ATOMS:
        answers = answers_of(folder, f"data_normal_atom_{name}.json")
        for where, record in read_jsonl(folder / f"data_normal_atom_{name}.json"):
            try:
                offered = {function["name"] for function in record["function"]}
                answer = answers[record["id"]]
                if not isinstance(answer, dict):
                    continue  # two alternative answers
                calls = [accepted(function_name(tool, offered), exactly(given)) for tool, given in answer.items()]
                task, context = last_turn(record["question"], record["time"])
                row = usable(f"ace_{record['id']}", "atom", task, context, record["function"], calls)
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise DatasetError(f"{where}: not a record of ACEBench: {error!r}") from error
            if row:
                yield row


def answers_of(folder: Path, name: str) -> dict[str, Any]:
    try:
        return {answer["id"]: answer["ground_truth"] for _, answer in read_jsonl(folder / "possible_answer" / name)}
    except (KeyError, TypeError) as error:
        raise DatasetError(f"{folder / 'possible_answer' / name}: not a file of answers: {error!r}") from error


def usable(id_: str, kind: str, task: str, context: str, functions: list[Row], calls: list[AcceptedCall]) -> Row | None:
    """Return the row, without distractors that make it too long; None if it is still too long, or wrong."""
    tools = [regular(function) for function in functions]
    needed = {call.tool for call in calls} or {tools[0].name}
    by_name = {tool.name: tool for tool in tools}
    if not needed <= by_name.keys() or len(by_name) < len(tools) or not all(fits(by_name[c.tool], c) for c in calls):
        return None
    room = _LONGEST_INPUT - len(task) - len(context) - sum(len(str(by_name[name])) for name in needed)
    offered = set(needed)
    for tool in tools:
        if tool.name not in needed and len(str(tool)) <= room:
            offered.add(tool.name)
            room -= len(str(tool))
    if room < 0 or sum(len(str(one_call(call))) for call in calls) > _LONGEST_REPLY:
        return None
    return {
        "id": id_,
        "task": task,
        "tools": [tool.model_dump() for tool in tools if tool.name in offered],
        "context": context,
        "trajectory": [],
        "calls": [call.model_dump() for call in calls],
        "kind": kind,
    }


def fits(tool: Function, call: AcceptedCall) -> bool:
    """Return whether the function's own schema allows the accepted call as it is."""
    found = check(tool, one_call(call).arguments)
    return not found.problems and not found.repairs


def _as_step(row: Row) -> Row:
    """Turn some rows with several calls into a later step: the first call is in the trajectory and must not be made again."""
    if row["kind"] not in ("parallel", "parallel_multiple") or random.Random(f"{SEED}-{row['id']}").random() > _SHARE_OF_STEPS:
        return row
    first, *rest = row["calls"]
    made = one_call(AcceptedCall.model_validate(first))
    turn = {"turn_number": 1, "role": "agent", "tool_name": made.tool, "tool_input": made.arguments, "tool_output": "ok"}
    return row | {"trajectory": [turn], "calls": rest, "kind": "step"}


def _split_by_function(rows: list[Row]) -> dict[str, str]:
    """Give each row a split, so that rows which call a common function (or, calling none, offer it) are in the same."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    called_in = {}
    for row in rows:
        turns = [turn["tool_name"] for turn in row["trajectory"]]
        called_in[row["id"]] = [*turns, *(call["tool"] for call in row["calls"])] or [row["tools"][0]["name"]]
        for name in called_in[row["id"]]:
            parent[root(name)] = root(called_in[row["id"]][0])
    groups = sorted({root(name) for name in parent})
    draw = random.Random(f"{SEED}-groups")
    split_of = dict(zip(groups, draw.choices(list(SHARES), list(SHARES.values()), k=len(groups)), strict=True))
    return {id_: split_of[root(names[0])] for id_, names in called_in.items()}


def regular(function: Row) -> Function:
    """Return a function with a proper JSON schema. ACEBench has the schema of some under another name."""
    schema = function["parameters"] if "parameters" in function else function["arguments"]
    return Function(
        name=function["name"], description=function.get("description", "").strip(), parameters=regular_schema(schema)
    )


def regular_schema(schema: Row) -> Row:
    """Copy a schema with the types of JSON and the keywords that matter to a call."""
    copy: Row = {"type": JSON_TYPES[schema["type"].lower()]} if schema.get("type", "any") != "any" else {}
    copy |= {key: schema[key] for key in _KEPT_KEYWORDS if key in schema}
    if "properties" in schema:
        copy["properties"] = {name: regular_schema(inner) for name, inner in schema["properties"].items()}
        copy["required"] = [name for name in schema.get("required", []) if name in schema["properties"]]
    if "items" in schema:
        copy["items"] = regular_schema(schema["items"])
    return copy


def accepted(tool: str, given: Row) -> AcceptedCall:
    return AcceptedCall(tool=tool, accepted=given)


def exactly(value: Row) -> Row:
    """Write an answer of single values in BFCL's way: a list of what is accepted for each argument and each key."""
    return {name: [_exact_value(inner)] for name, inner in value.items()}


def _exact_value(value: Any) -> Any:
    if isinstance(value, list):
        return [_exact_value(item) for item in value]
    return exactly(value) if isinstance(value, dict) else value


def function_name(name: str, offered: set[str]) -> str:
    """Return the function's own name: ACEBench numbers several calls of one function."""
    return name if name in offered else re.sub(r"_\d+$", "", name)


def last_turn(question: str, time: str) -> tuple[str, str]:
    """Return (the user's last message, the conversation before it with the time)."""
    pieces = _TURN.split(question.strip())[1:]
    turns = [(role, text.strip()) for role, text in zip(pieces[::2], pieces[1::2], strict=True)]
    if not turns or turns[-1][0] != "user":
        raise ValueError("the user does not speak last")
    before = [f"{'assistant' if role == 'system' else role}: {text}" for role, text in turns[:-1]]
    now = [time.strip().rstrip("。") + "."] if time.strip() else []
    return turns[-1][1], "\n".join([*now, *before])
