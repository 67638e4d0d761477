"""BFCL's dialogs with simulated services converted to memory rows: no airline tasks or tools, and no meetings.

Input      raw: as for memory_summarizer.py, with actor/bfcl_v4.
Output     {"transfer_val": rows, "transfer_test": rows}; rows as those of memory_summarizer.py. Terms are found as in
           tau-bench's rows: ids, dates and amounts of the window that the rest of the talk, or an action in it, names again.
Guarantees the same input gives the same rows, bit for bit; a talk is in one half only.
Raises     DatasetError if a file is missing or malformed.
Source     github.com/ShishirPatil/gorilla, commit 6ea57973 (Apache-2.0); see datasets/memory_summarizer/CARD.md.
"""

import json
import random
from pathlib import Path
from typing import Any

from dspy_programs.types import Entry
from optimizers.sources.bfcl_talks import Talk, talks
from optimizers.sources.memory_summarizer import call_text, rows_of_talk
from optimizers.sources.transfer import HALVES, Splits, Transfer, checked

SEED = 20261128
_PER_TALK = 1  # rows

Row = dict[str, Any]


def build(raw: Path, own: Splits) -> dict[str, list[Row]]:
    """Deal the talks out in turn. `own` is of other sources, so that no row can be in both."""
    made = [rows_of_talk(f"bfcl-{talk.id}", entries_of(talk))[:_PER_TALK] for talk in talks(raw / "actor/bfcl_v4")]
    rows = [row | {"source": "bfcl"} for found in made for row in found]
    random.Random(SEED).shuffle(rows)
    return checked({half: rows[place :: len(HALVES)] for place, half in enumerate(HALVES)}, raw)


def entries_of(talk: Talk) -> list[Entry]:
    """Return each turn as what the user says and the calls that answer it, written as in tau-bench's rows."""
    entries: list[Entry] = []
    for said, calls in talk.turns:
        entries.append(Entry(turn=len(entries), role="user", content=" ".join(said.split())))
        texts = [call_text({"name": name, "arguments": json.dumps(given)}) for name, given in calls]
        if texts:
            entries.append(Entry(turn=len(entries), role="assistant", content="\n".join(texts)))
    return entries


TRANSFER = Transfer(("actor/bfcl_v4",), build)
