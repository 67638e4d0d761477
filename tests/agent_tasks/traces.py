"""Traces of runs, each with the outcome that its end state shows: what `optimizers.improve` learns from.

Input      the folder that the variable TRACES names; in TRACES_BEFORE, that of a try that was cut off.
Output     `<way>-<task>.json` for each run that is over, one that an exception ended too; the results beside the folder.
Guarantees what the agent says of itself is no outcome: a run went well if, and only if, no check of its end state failed.
"""

import json
import os
import shutil
from pathlib import Path
from uuid import uuid4

from dspy_programs.atomic_file import write_atomically


def results_beside(folder: Path) -> Path:
    """Return the file of results for a folder of traces, which has those of an earlier try that was cut off."""
    path, before = _results(folder), os.environ.get("TRACES_BEFORE")
    if before and not path.exists() and _results(Path(before)).exists():
        for trace in Path(before).glob("*.json"):
            shutil.copyfile(trace, folder / trace.name)
        write_atomically(path, _results(Path(before)).read_bytes())
    return path


def _results(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.results.jsonl")


def keep_trace(recorded: Path, place: Path, goal: str, solved: bool, why: str) -> None:
    """Put the trace that a run has left in a folder into its place; a run that left none is one of its goal alone."""
    found = next(recorded.glob("*.json"), None)
    bare = {"trace_id": uuid4().hex, "original_goal": goal, "turns": [{"role": "user", "content": goal}], "final_result": why}
    trace = bare if found is None else json.loads(found.read_text(encoding="utf-8"))
    write_atomically(place, json.dumps({**trace, "is_successful": solved}, ensure_ascii=False, indent=1) + "\n")
