"""The folder of one run: its lock, its identity and its files.

run.json         what the run was started with: program, data, metric, models, seed, versions
calls.jsonl      every answer paid for (journal.py); it contains rows and replies, never a key
candidates.json  every candidate so far, with scores and parents
progress.json    what is done, spent and left, at most some seconds old while the run is at work
report.json      the result
compiled.json    the result as a compiled program, with its card next to it
in-use.json      what `load` returned when the run began; compiled-for-*.json: programs compiled for other models
log.txt          what DSPy printed
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dspy
import filelock

from dspy_programs.atomic_file import write_atomically
from dspy_programs.errors import RunError, RunLocked, RunMismatch
from dspy_programs.lm import decoding
from dspy_programs.registry import file_name, folder_name, seed_instructions, shape_of, versions
from optimizers.json_text import plain
from optimizers.recipes import Recipe
from optimizers.scoring import name_of
from optimizers.search import POOLED, Job
from optimizers.training.code_digest import FORM, code_of, is_comparable

_IDENTITY = "run.json"
_JOURNAL = "calls.jsonl"
COMPILED = "compiled.json"
REPORT = "report.json"
PROGRESS = "progress.json"
CANDIDATES = "candidates.json"
RESULTS = "results.jsonl"  # of a benchmark
BEFORE = "in-use.json"
OTHERS = "compiled-for-"
OURS = (
    *(_IDENTITY, _JOURNAL, f"*.{_JOURNAL}", RESULTS, CANDIDATES, PROGRESS, "log.txt"),
    *(COMPILED, "compiled.md", BEFORE, f"{OTHERS}*.json"),
    *(REPORT, "report.md", "report.png", "report.txt"),
)
"""What a run, an evaluation or a benchmark writes into its folder; any other file there is the user's."""
MENDED = {"program", "metric", "starts", "demonstrations"}  # what changes if a user fixes code
CHANGED = {
    **dict.fromkeys(("data train", "data val", "data test", "demonstrations"), "the rows"),
    "starts": "the search's starting programs (--reasoning, or programs compiled before)",
    "program": "the program's code",
    "metric": "the metric's code",
}
"""Descriptions of identity parts whose values are just digests."""


class RunDirectory:
    """Locks the folder for this process until `close`."""

    def __init__(self, path: Path, *, fresh: bool = False, must_exist: bool = False) -> None:
        if must_exist and not (path / _IDENTITY).is_file():
            raise RunMismatch(f"{path}: no run to resume; omit --resume to start one")
        self.path = path
        self._lock = filelock.FileLock(path / "lock")
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except filelock.Timeout as error:  # also an OSError
            raise RunLocked(f"{path}: another process is working on this run; wait for it or give another --run-dir") from error
        except OSError as error:
            reason = error.strerror or error
            raise RunError(f"{path}: cannot be used as a run folder: {reason}; give another --run-dir") from error
        if fresh and any((path / name).is_file() for name in (_IDENTITY, _JOURNAL, RESULTS)):
            self._set_aside()

    @property
    def is_new(self) -> bool:
        """Whether no run has paid for an answer here yet."""
        return is_new(self.path)

    @property
    def journal(self) -> Path:
        return self.path / _JOURNAL

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    def claim(self, identity: Mapping[str, Any]) -> bool:
        """Record this run's identity, or check it. Returns whether there was a run that has paid for something.

        Raises RunMismatch if such a run has another identity.
        """
        goes_on = not self.is_new
        if goes_on:
            require_same(self.path, identity)
        else:
            self._refuse_what_others_wrote()
        self.write(_IDENTITY, identity)
        return goes_on

    def set_aside_where_mended(self, identity: Mapping[str, Any]) -> Path | None:
        """Start over if only the user's code has changed; return the journal of the previous run.

        A model's answers do not depend on the metric, nor on code that asks the same: they are not paid for again.
        """
        changed = set() if self.is_new else changes(self.path, identity)
        return self._set_aside() / _JOURNAL if changed and changed <= MENDED else None

    def write(self, name: str, value: Any) -> None:
        write_atomically(self.path / name, json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def close(self) -> None:
        self._lock.release()

    def _refuse_what_others_wrote(self) -> None:
        """Raise RunError if a file that a run would write is here, but no run was."""
        there = [name for name in (COMPILED, REPORT, CANDIDATES) if (self.path / name).exists()]
        if there and not (self.path / _IDENTITY).is_file():
            raise RunError(f"{self.path}: contains a {there[0]} that is not from a run; give another --run-dir")

    def _set_aside(self) -> Path:
        """Move the files of an earlier run into old-1, old-2, ...: paid answers are not thrown away."""
        files = [file for pattern in OURS for file in sorted(self.path.glob(pattern)) if file.is_file()]
        target = self.path / f"old-{1 + sum(1 for folder in self.path.glob('old-*') if folder.is_dir())}"
        if files:
            target.mkdir()
            for file in files:
                file.rename(target / file.name)
        return target


def is_new(path: Path) -> bool:
    """Return whether no run has paid for an answer in this folder yet."""
    journal = path / _JOURNAL
    return not (journal.is_file() and journal.stat().st_size > 0 and (path / _IDENTITY).is_file())


def changes(path: Path, identity: Mapping[str, Any]) -> set[str]:
    """Return what has changed since the run in this folder was started."""
    before = _identity_in(path)
    pairs = {name: (before.get(name), identity.get(name)) for name in before.keys() | identity.keys()}
    return {name for name, (then, now) in pairs.items() if then != now and is_comparable(then, now)}


def _identity_in(path: Path) -> dict[str, Any]:
    """Return the identity of the run in this folder. Raises RunError if its file is damaged."""
    try:
        identity: dict[str, Any] = dict(json.loads((path / _IDENTITY).read_bytes()))
    except (ValueError, TypeError) as error:
        reason = "not what a run writes; start over with --fresh, in Python resume=False (the run is kept in this folder)"
        raise RunError(f"{path / _IDENTITY}: {reason}") from error
    return identity


def require_same(path: Path, identity: Mapping[str, Any]) -> None:
    """Raise RunMismatch if the run in this folder was started with something else."""
    if changed := sorted(changes(path, identity)):
        before = _identity_in(path)
        named = (CHANGED.get(name) or f"{name}: {before.get(name)} -> {identity.get(name)}" for name in changed)
        raise RunMismatch(
            f"{path}: this run was started with different settings ({'; '.join(dict.fromkeys(named))}). "
            "Start over with --fresh, in Python resume=False (the old run is kept in this folder), or give another --run-dir"
        )


def default_path(module: str, spec: str, data: Path | None = None) -> Path:
    """Return a folder per program, model and place of rows in the working directory, so that the same command finds its run."""
    return Path("runs") / folder_name(module) / (file_name(spec) + (f"--{folder_name(data.resolve().stem)}" if data else ""))


def identity_of(
    recipe: Recipe, rows: Mapping[str, Sequence[dspy.Example]], job: Job, lms: Mapping[str, dspy.LM], seed: int, proposer: str
) -> dict[str, Any]:
    """Return what decides the course of a run. Budget and threads do not: a larger budget continues a smaller one's run."""
    program = recipe.new_program()
    shapes = {name: [field.model_dump() for field in fields] for name, fields in shape_of(program).items()}
    identity: dict[str, Any] = {
        "program": FORM + digest([recipe.name, shapes, seed_instructions(program), code_of(recipe.program)]),
        "metric": FORM + digest([name_of(recipe.metric), code_of(recipe.metric)]),
        "seed": seed,
        "versions": versions(),
        "adapter": "CompleteJSONAdapter",
        "proposer": proposer,
        "demonstrations": f"{len(job.store.rows)} rows, {digest([row.id for row in job.store.rows])[:12]}",
        "starts": {start.name: digest([start.texts, *_before_of(job, start.name)]) for start in job.starts},
    }
    identity |= {f"data {split}": digest([row.toDict() for row in examples]) for split, examples in rows.items()}
    return identity | {f"{role} model": f"{lm.model} {json.dumps(decoding(lm))}" for role, lm in lms.items()}


def _before_of(job: Job, start: str) -> list[Any]:
    """Return the demonstrations that a start took from an earlier compiled program; a pool is identified by its parts."""
    return [job.store.others.get(start)] if start != POOLED else []


def digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
