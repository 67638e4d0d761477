"""The program in use and earlier ones, for one program and model: read from files, without writing.

    <folder>/<lm>.json                                        in use
    <folder>/history/<lm>/<UTC time>-<digest>.json            programs put into use, including the current one
    <folder>/history/<lm>/set-aside/<UTC time>-<digest>.json  programs rolled back

The history is a stack: its newest file with the same bytes as the file in use is the current position, and the one below is the
previous program. Newer ones were rolled back, or a kill came before they were in use; the next change sets them aside.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from dspy_programs.errors import CompiledProgramError, UsageError
from dspy_programs.registry import (
    PROGRAMS,
    Compiled,
    Provenance,
    apply_state,
    compiled_paths,
    new_program,
    program_named,
    read_compiled,
)

STAMP = "%Y%m%dT%H%M%S.%fZ"
NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8}\.json")


@dataclass(frozen=True)
class Lying:
    """A file that is or was in use, not read yet. date: when it was put into use, UTC; None for the shipped one."""

    path: Path
    date: datetime | None
    in_use: bool
    shipped: bool = False
    set_aside: bool = False


@dataclass(frozen=True, kw_only=True)
class Entry(Lying):
    """One compiled program that is or was in use, with what it scored when it was made (shares in [0, 1]).

    digest      SHA-256 of the file
    set_aside   it was rolled back
    kept        "compiled" or "seed"
    status      "tested", "interrupted" or "not tested"
    validation  "seed", "compiled", and "in_use": what `load` returned at the time, on the same rows
    test        "seed", "compiled", "in_use", and its advantage over these: "difference", "gain"; each with mean, low and
                high of the 95 % interval, rows
    parent      digest of the user's file in use when it was made
    judged_on   metric and validation rows: figures of two programs are comparable only if this is the same
    fault       why `load` would refuse it
    Whatever a file does not say is None or empty.
    """

    program: str
    lm: str
    digest: str
    kept: str | None = None
    status: str | None = None
    validation: Mapping[str, float] = field(default_factory=dict)
    test: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    parent: str | None = None
    judged_on: str | None = None
    fault: str | None = None

    @property
    def score(self) -> float | None:
        """The kept program's score on validation."""
        return self.validation.get(self.kept or "")

    @property
    def tested(self) -> bool:
        return self.kept in self.test and self.status in (None, "tested")


@dataclass(frozen=True)
class Place:
    """Where one program for one model is put into use, and where its history is."""

    program: str
    lm: str
    target: Path

    @property
    def history(self) -> Path:
        return self.target.parent / "history" / self.target.name.removesuffix(".json")

    @property
    def set_aside(self) -> Path:
        return self.history / "set-aside"

    @property
    def card(self) -> Path:
        return self.target.with_name(f"{self.target.name.removesuffix('.json')}.md")

    @property
    def shipped(self) -> Path | None:
        """What `load` uses if the user has no file."""
        users, shipped = compiled_paths(self.program, self.lm)
        return shipped if self.target == users and shipped.is_file() else None


def checked_place(program: str, lm: str, target: Path | None = None) -> Place:
    """Return the place in the user's directory, or at `target`. Raises UsageError if it is not a program or not a file."""
    if not compiled_paths(program, lm)[0].parent.is_dir():  # a program named in Python leaves only its files
        program_named(program)
    place = Place(program, lm, target or compiled_paths(program, lm)[0])
    if (place.target.exists() and not place.target.is_file()) or place.target.suffix == ".md":
        raise UsageError(f"{place.target}: give a JSON file, either new or a compiled program")
    return place


def entries(place: Place) -> list[Entry]:
    """Return everything that is or was in use, newest first, the shipped one last."""
    return [entry for each in lying(place) if (entry := entry_of(each, place))]


def current(place: Place) -> Entry | None:
    """Return what `load` uses; None for the uncompiled program."""
    now = next((each for each in lying(place) if each.in_use), None)
    return entry_of(now, place) if now else None


def lying(place: Place) -> list[Lying]:
    """Return the files of the entries, in order; they are read only to find the one in use."""
    here, users = where(place), place.target.is_file()
    found = [Lying(place.target, changed_at(place.target), in_use=True)] if users and here is None else []
    files = [*dated_files(place.history), *dated_files(place.set_aside)]
    for path in sorted(files, key=lambda path: path.name, reverse=True):
        now = path == here
        found.append(Lying(place.target if now else path, date_of(path), now, set_aside=path.parent == place.set_aside))
    if place.shipped:
        found.append(Lying(place.shipped, None, in_use=not users, shipped=True))
    return found


def where(place: Place) -> Path | None:
    """Return the file of the history that is in use; None if that is the shipped one, or was placed by hand."""
    if not place.target.is_file():
        return None
    data = place.target.read_bytes()
    ending = f"-{digest_of(data)[:8]}.json"
    same = [path for path in dated_files(place.history) if path.name.endswith(ending) and path.read_bytes() == data]
    return same[-1] if same else None


def dated_files(folder: Path) -> list[Path]:
    """Return the compiled programs of a folder of the history, oldest first."""
    return sorted(path for path in folder.glob("*.json") if NAME.fullmatch(path.name))


def date_of(path: Path) -> datetime:
    return datetime.strptime(path.name.partition("-")[0], STAMP).replace(tzinfo=UTC)


def changed_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def digest_of(data: bytes) -> str:
    return sha256(data).hexdigest()


def entry_of(file: Lying, place: Place) -> Entry | None:
    """Read what a file says about itself; one that does not fit, or is not a compiled program, is an entry too.

    None if another process has set it aside meanwhile.
    """
    path, says = file.path, dict[str, Any]()
    try:
        digest = digest_of(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        compiled = read_compiled(path, place.program, place.lm)
        says = figures(compiled.provenance)
        require_fit(compiled, path)
    except CompiledProgramError as error:
        says["fault"] = str(error)
    return Entry(**vars(file), program=place.program, lm=place.lm, digest=digest, **says)


def require_fit(compiled: Compiled, path: Path) -> None:
    """Raise CompiledMismatch if the current code has other fields, types or instructions; without code it cannot be checked."""
    name = compiled.provenance.program
    try:
        program = new_program(name)
    except UsageError:
        if name in PROGRAMS:
            raise
        return
    apply_state(program, compiled, path)


def figures(saved: Provenance) -> dict[str, Any]:
    """Extract an entry's figures from a file's provenance."""
    data, metric, test = saved.training.get("data"), saved.training.get("metric"), saved.scores.get("test")
    rows = data.get("val") if isinstance(data, dict) else None
    intervals = {name: numbers(each) for name, each in test.items()} if isinstance(test, dict) else {}
    return {
        "kept": saved.kept,
        "parent": saved.parent,
        "status": saved.training.get("status"),
        "validation": numbers(saved.scores.get("validation")),
        "test": {name: each for name, each in intervals.items() if {"mean", "low", "high"} <= each.keys()},
        "judged_on": f"{metric} {json.dumps(rows, sort_keys=True)}" if metric and rows else None,
    }


def numbers(scores: Any) -> dict[str, float]:
    """Keep the finite numbers."""
    pairs = scores.items() if isinstance(scores, dict) else ()
    return {name: value for name, value in pairs if type(value) in (int, float) and math.isfinite(value)}
