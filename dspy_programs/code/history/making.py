"""Data sets of a repository's own: rows for five programs, split by time.

Output     a folder for each program with train.jsonl, val.jsonl and test.jsonl, as `python -m optimizers.train --data` reads
           them: the oldest six tenths to learn from, then two to choose by, the newest two to test on. Fewer than 10 rows are
           one file, rows.jsonl, which the trainer splits itself.
Guarantees every file is complete before any takes its place; a row with a secret in it is left out, whole.
Raises     UsageError for no repository, no commits, no rows, and for a folder that has rows already.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from dspy_programs.atomic_file import opened_atomically, write_atomically
from dspy_programs.code.files.source_files import checked_folder
from dspy_programs.code.history import editor_rows, log_rows, orchestrator_rows, planner_rows, summary_rows
from dspy_programs.code.history.changes import changes_of
from dspy_programs.code.history.commits import History, history_of
from dspy_programs.code.history.row import KnownRepository, Row
from dspy_programs.errors import UsageError
from dspy_programs.secret_values import secrets_in

MAKERS: Mapping[str, Callable[[KnownRepository], Iterator[Row]]] = {
    editor_rows.PROGRAM: editor_rows.editor_rows,
    planner_rows.PROGRAM: planner_rows.planner_rows,
    summary_rows.PROGRAM: summary_rows.summary_rows,
    log_rows.PROGRAM: log_rows.log_rows,
    orchestrator_rows.PROGRAM: orchestrator_rows.orchestrator_rows,
}
SPLITS = ("train", "val", "test")
_FEWEST = 10  # rows that are split
FOLDER = ".dspy_data"
_WHOLE = "rows"


class Made(NamedTuple):
    """rows: how many of each program and split; left_out: why commits and rows are left out, and how many."""

    history: History
    rows: Mapping[str, Mapping[str, int]]
    left_out: Mapping[str, Mapping[str, int]]


def make_rows(
    folder: Path,
    out: Path | None = None,
    *,
    most: int = 3_000,
    logs: Sequence[Path] = (),
    test_command: str = "",
    replace: bool = False,
) -> Made:
    """Make the rows of a repository and write them.

    Args:
        folder: Of the repository, or one in it.
        out: Where; by default .dspy_data in the folder, which git then ignores.
        most: So many commits are looked at, the newest.
        logs: Files or folders of logs; by default the folder's own `logs`, if it is there.
        test_command: What runs the tests; by default what is usual for the language of the tests.
        replace: Replace rows that are there already.
    """
    place = checked_folder(folder)
    target = out or place / FOLDER
    if not replace and any(target.glob("*/*.jsonl")):
        raise UsageError(f"{target}: has rows already; --replace replaces them, --out writes elsewhere")
    history = history_of(place, most)
    own_logs = tuple(logs) or ((place / "logs",) if (place / "logs").is_dir() else ())
    repository = KnownRepository(place, list(changes_of(place, history.commits)), test_command, own_logs)
    rows = {program: _wanted(repository, program, list(maker(repository))) for program, maker in MAKERS.items()}
    if not any(rows.values()):
        raise UsageError(f"{place}: nothing to learn from in {history.read:,} commits; --most looks at more of them")
    counts = {program: _write(target / program, found) for program, found in rows.items()}
    if out is None:
        write_atomically(target / ".gitignore", "*\n")
    return Made(history, counts, {program: dict(why) for program, why in repository.left_out.items()})


def _wanted(repository: KnownRepository, program: str, rows: Sequence[Row]) -> list[Row]:
    """Return the rows without secrets, each once, the oldest first."""
    kept: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: (row.when, row.id)):
        if row.key in kept:
            repository.leave_out(program, "asks the same as a newer one")
        kept.pop(row.key, None)
        if secrets_in(json.dumps(row.fields, ensure_ascii=False)):
            repository.leave_out(program, "holds a secret")
        else:
            kept[row.key] = row
    return list(kept.values())


def _write(folder: Path, rows: Sequence[Row]) -> dict[str, int]:
    """Write the splits; those that an earlier call wrote and this one does not are taken away."""
    parts = _split(rows)
    with ExitStack() as stack:
        for name, part in parts.items():
            file = stack.enter_context(opened_atomically(folder / f"{name}.jsonl"))
            for row in part:
                file.write(json.dumps({"id": row.id, **row.fields}, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
    for name in {*SPLITS, _WHOLE} - parts.keys():
        (folder / f"{name}.jsonl").unlink(missing_ok=True)
    return {name: len(part) for name, part in parts.items()}


def _split(rows: Sequence[Row]) -> dict[str, Sequence[Row]]:
    if not rows:
        return {}
    if len(rows) < _FEWEST:
        return {_WHOLE: rows}
    first, second = len(rows) * 6 // 10, len(rows) * 8 // 10
    return dict(zip(SPLITS, (rows[:first], rows[first:second], rows[second:]), strict=True))
