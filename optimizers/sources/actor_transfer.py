"""ACEBench beyond its atomic cases converted to actor rows: single requests, similar functions, dialogs; other functions.

Input      raw: a folder with actor/acebench_en; own: the actor's rows.
Output     {"transfer_val": rows, "transfer_test": rows}; rows as those of actor.py, with kinds of their own.
Guarantees the same input gives the same rows, bit for bit; no function on offer in `own` is on offer here; no family of
           functions that is called (a name up to its first "_") and no talk is in both halves; every text and number of
           an accepted call is in the task or the context.
Raises     DatasetError if a file is missing or malformed.
Source     github.com/ACEBench/ACEBench, commit e6db74b7 (MIT); see datasets/actor/CARD.md.
"""

import random
import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from dspy_programs.errors import DatasetError
from optimizers.sources.actor import accepted, answers_of, exactly, function_name, last_turn, usable
from optimizers.sources.reading import read_jsonl
from optimizers.sources.transfer import HALVES, Splits, Transfer, checked, unlike

SEED = 20261128
KINDS = {  # ACEBench's file -> kind
    "single_turn_single_function": "request",
    "single_turn_parallel_function": "requests",
    "similar_api": "similar",
    "multi_turn_user_adjust": "talk",
    "multi_turn_user_switch": "switch",
}
PER_KIND = 7  # rows per half at most
_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()
WRONG = {  # read one by one: what nobody could know
    "ace_normal_similar_api_15": "the text to search is a placeholder",
    "ace_normal_similar_api_17": '"healthy" is what the user tries to eat, not a diet',
    "ace_normal_similar_api_19": "the number that stands for teenagers is not told",
    "ace_normal_multi_turn_user_adjust_36_1": "which figures are whose is not told",
    "ace_normal_similar_api_48": "the title of the article is not told",
}

_WORD = re.compile(r"[^\W_]+")

Row = dict[str, Any]


def build(raw: Path, own: Splits) -> dict[str, list[Row]]:
    """Draw both halves: a group of functions or a talk belongs to the half that took it first; the kinds come in turn."""
    known = {tool["name"] for rows in own.values() for row in rows for tool in row["tools"]}
    new = [row for row in ace_rows(raw / "actor/acebench_en") if known.isdisjoint(tool["name"] for tool in row["tools"])]
    random.Random(SEED).shuffle(new)
    owner: dict[str, str] = {}
    piles: dict[str, dict[str, list[Row]]] = {half: {kind: [] for kind in KINDS.values()} for half in HALVES}
    for row in unlike(new, own, lambda row: f"{row['context']} {row['task']}"):
        groups = _groups_of(row)
        half = min(HALVES, key=lambda half: len(piles[half][row["kind"]]))
        if owner.keys().isdisjoint(groups) and len(piles[half][row["kind"]]) < PER_KIND:
            piles[half][row["kind"]].append(row)
            owner |= dict.fromkeys(groups, half)
    halves = {half: [row for turn in zip_longest(*piles[half].values()) for row in turn if row] for half in HALVES}
    return checked(halves, raw)


def _groups_of(row: Row) -> set[str]:
    """Return the families of functions that are called, and the talk that the row is a turn of."""
    talk = re.sub(r"(\d+)_\d+$", r"\1", row["id"])
    return {talk, *(call["tool"].split("_")[0] for call in row["calls"])}


def ace_rows(folder: Path) -> Iterator[Row]:
    for name, kind in KINDS.items():
        answers = answers_of(folder, f"data_normal_{name}.json")
        for where, record in read_jsonl(folder / f"data_normal_{name}.json"):
            try:
                offered = {function["name"] for function in record["function"]}
                answer = answers[record["id"]]
                task, context = last_turn(record["question"], record["time"])
                given = [(function_name(tool, offered), values) for tool, values in answer.items()]
                calls = [accepted(tool, exactly(values)) for tool, values in given]
                row = usable(f"ace_{record['id']}", kind, task, context, record["function"], calls)
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise DatasetError(f"{where}: not a record of ACEBench: {error!r}") from error
            if row and row["id"] not in WRONG and calls and all(is_said(values, f"{context}\n{task}") for _, values in given):
                yield row


def is_said(value: Any, text: str) -> bool:
    """Return whether everything in an accepted value is in the text, so that the answer can be known."""
    match value:
        case bool():
            return True
        case dict():
            return all(is_said(inner, text) for inner in value.values())
        case list():
            return bool(value) and all(is_said(inner, text) for inner in value)
        case int() | float():
            word = _NUMBERS[int(value)] if value in range(len(_NUMBERS)) else "\0"
            wanted = rf"(?<![\w.]){re.escape(f'{value:.10g}')}(?!\d)|\b{word}\b"
            return bool(re.search(wanted, text.replace(",", ""), re.IGNORECASE))
        case str():
            return in_words(value) in in_words(text)
    return False


def in_words(text: str) -> str:
    """Return a text as lower-case words, with names like smsAlerts and sms_alerts split, and plurals as singulars."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return f" {' '.join(word.removesuffix('s') for word in _WORD.findall(spaced.lower()))} "


TRANSFER = Transfer(("actor/acebench_en",), build)
