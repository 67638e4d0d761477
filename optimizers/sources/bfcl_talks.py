"""BFCL's multi-turn dialogs: the user's message in each turn, and its correct calls.

Input      folder: bfcl_v4, with BFCL_v4_multi_turn_base.json and possible_answer/ (one JSON object per line).
Output     Talk: id, turns, its missing functions; a call is (name, {argument: value}).
Guarantees nothing of the source is evaluated: a call is read as a syntax tree of literals.
Raises     DatasetError if a file is missing or malformed.
Source     github.com/ShishirPatil/gorilla, commit 6ea57973 (Apache-2.0).
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dspy_programs.errors import DatasetError
from optimizers.sources.reading import read_jsonl

FILE = "BFCL_v4_multi_turn_base.json"

Call = tuple[str, dict[str, Any]]


class Talk(NamedTuple):
    id: str
    turns: list[tuple[str, list[Call]]]
    excluded: list[str]


def talks(folder: Path) -> Iterator[Talk]:
    try:
        answers = {answer["id"]: answer["ground_truth"] for _, answer in read_jsonl(folder / "possible_answer" / FILE)}
    except (KeyError, TypeError) as error:
        raise DatasetError(f"{folder / 'possible_answer' / FILE}: not a file of answers: {error!r}") from error
    for where, record in read_jsonl(folder / FILE):
        try:
            said = [messages[0]["content"].strip() for messages in record["question"]]
            calls = [[call_of(text) for text in texts] for texts in answers[record["id"]]]
            yield Talk(record["id"], list(zip(said, calls, strict=True)), record.get("excluded_function", []))
        except (KeyError, IndexError, TypeError, AttributeError, ValueError, SyntaxError) as error:
            raise DatasetError(f"{where}: not a talk of BFCL: {error!r}") from error


def call_of(text: str) -> Call:
    """Read "name(a=1, b=['x'])"; a positional argument gets its index as a name."""
    call = ast.parse(text.strip(), mode="eval").body
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise ValueError(f"not a call: {text}")
    given = {str(place): ast.literal_eval(value) for place, value in enumerate(call.args)}
    return call.func.id, given | {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
