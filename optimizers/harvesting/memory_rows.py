"""Rows for the memory summarizer: windows of a run, and what the rest of the run uses again.

Labelled   by rule: ids, dates and amounts of a window that are named later, and what was done in it. Runs that failed are
           left out: what they used again need not be what was needed.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from dspy_programs.programs.failure_judge import changes_by_name
from dspy_programs.types import Entry, Turn
from optimizers.harvesting.row import Found, LeftOut, Row, Run
from optimizers.harvesting.windows import FEWEST_TERMS, FEWEST_TURNS, rows_of_conversation

_LONGEST = 400  # characters of one entry
_TAG = re.compile(r"\[?[a-z_]+_\d+\]?")  # as the facts of a text have it, in small letters
_CALL = re.compile(r"(?:^|\n)([\w.-]{1,100})\(")


def memory_rows(run: Run, name: str) -> Found:
    """Return what a run gives to the memory summarizer. name: of the run, for its draws."""
    found = Found()
    entries = entries_of(run.trace.turns)
    if not run.outcome.succeeded:
        found.left_out.append(LeftOut(0, f"the run failed ({run.outcome}): what it used again need not have been needed"))
        return found
    if len(entries) < FEWEST_TURNS:
        found.left_out.append(LeftOut(0, f"{len(entries)} turns: too few for a memory"))
        return found
    for row in rows_of_conversation(name, entries, _writes, "harvest"):
        probes = _sound(row["probes"])
        if sum(len(probe["terms"]) for probe in probes) < FEWEST_TERMS[False]:
            continue
        inputs = {"entries": row["entries"], "token_budget": row["token_budget"]}
        labels = {"probes": probes, "reference": "", "source": "harvest", "label_kind": "rule-made"}
        text = "\n".join(entry["content"] for entry in row["entries"])
        answered = json.dumps(probes, ensure_ascii=False)
        weight = run.outcome.weight
        found.rows.append(Row(inputs, labels, row["entries"][0]["turn"], "observed", weight, text, answered))
    if not found.rows:
        found.left_out.append(LeftOut(0, "no window of the run holds enough that is used again"))
    return found


def entries_of(turns: Sequence[Turn]) -> list[Entry]:
    """Return turns as entries of a memory: a call reads name(argument=value, ...), its result follows; long ones are cut."""
    entries: list[Entry] = []
    pending: list[str] = []

    def add(place: int, role: Any, text: str, ids: Sequence[str] = ()) -> None:
        text = text if len(text) <= _LONGEST else text[: _LONGEST - 3].rsplit(" ", 1)[0] + "..."
        if text or ids:
            entries.append(Entry(turn=place, role=role, content=text, tool_call_ids=list(ids)))

    for place, turn in enumerate(turns):
        if turn.role in ("user", "agent") and not turn.tool_name:
            add(2 * place, "user" if turn.role == "user" else "assistant", turn.content.strip())
            continue
        if turn.tool_name and (turn.role == "agent" or turn.tool_input is not None or not pending):
            pending = [f"call_{place}"]
            add(2 * place, "assistant", "\n".join(filter(None, [turn.content.strip(), _call(turn)])), pending)
        if turn.role == "tool" and pending:
            told = turn.content if turn.tool_output in (None, "") else turn.tool_output
            add(2 * place + 1, "tool", told if isinstance(told, str) else json.dumps(told, ensure_ascii=False), pending)
            pending = []
    return entries


def _sound(probes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one probe for each question, without the tags that stand for personal data."""
    asked: dict[str, dict[str, None]] = {}
    for probe in probes:
        asked.setdefault(probe["question"], {}).update((term, None) for term in probe["terms"] if not _TAG.fullmatch(term))
    return [{"question": question, "terms": list(terms)} for question, terms in asked.items() if terms]


def _call(turn: Turn) -> str:
    given = turn.tool_input
    if not isinstance(given, dict):
        return f"{turn.tool_name}({'' if given is None else given})"
    told = (f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in given.items())
    return f"{turn.tool_name}({', '.join(told)})"


def _writes(text: str) -> bool:
    call = _CALL.search(text)
    return call is not None and bool(changes_by_name(call[1]))
