"""What a pipeline has done, by content: which step, with which options and inputs, wrote which files.

Formats    DATA/pipelines/NAME.json {key: {kind, inputs, outputs, said}}; a key is a digest of all that decides a step.
Guarantees written after each step, whole; a file that cannot be read is as if nothing had been done.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from dspy_programs import __version__
from dspy_programs.atomic_file import write_atomically
from dspy_programs.data.folder import DataFolder
from dspy_programs.data.pipeline.pipeline import Placed

_BLOCK = 1 << 20


class Seen(BaseModel):
    """A file as it was: how many bytes, and their SHA-256; None: it was not there."""

    model_config = ConfigDict(frozen=True)

    size: int
    sha256: str


class Done(BaseModel):
    """Paths are as the step names them."""

    kind: str
    options: str
    inputs: dict[str, Seen | None]
    outputs: dict[str, Seen | None]
    said: str


_ALL = TypeAdapter(dict[str, Done])


class Record:
    """path: of the pipeline's file, which the record is named by."""

    def __init__(self, folder: DataFolder, pipeline: Path) -> None:
        digest = hashlib.sha256(str(pipeline.resolve()).encode("utf-8", "replace")).hexdigest()[:8]
        self.path = folder.root / "pipelines" / f"{pipeline.stem[:60]}.{digest}.json"
        self.done = self._read()

    def _read(self) -> dict[str, Done]:
        try:
            return _ALL.validate_json(self.path.read_bytes())
        except (OSError, ValidationError):
            return {}

    def of(self, placed: Placed) -> Done | None:
        """Return what was done if it still stands: nothing that decides has changed, and its files are as it left them."""
        found = self.done.get(key_of(placed))
        return found if found and self.changed_output(found, placed.step.appends) is None else None

    @staticmethod
    def changed_output(done: Done, appends: bool) -> str | None:
        """Return a file that is not as the step left it. appends: what was added behind it does not count."""
        for path, was in done.outputs.items():
            now = seen(Path(path), was.size if appends and was else None)
            if was is not None and now != was:
                return path
        return None

    def alike(self, placed: Placed) -> Done | None:
        """Return the done step of the same kind and files, whatever its inputs were."""
        kind, outputs = placed.step.kind, {*map(str, placed.writes)}
        alike = (each for each in self.done.values() if each.kind == kind and {*each.outputs} == outputs)
        return next(alike, None)

    def add(self, placed: Placed, inputs: Mapping[str, Seen | None], said: str) -> None:
        """inputs: as they were before the step ran."""
        kind, outputs = placed.step.kind, {str(path): seen(path) for path in placed.writes}
        stale = [key for key, each in self.done.items() if each.kind == kind and {*each.outputs} == {*outputs}]
        for key in stale:
            del self.done[key]
        options = options_of(placed)
        self.done[_digest(kind, options, inputs)] = Done(
            kind=kind, options=options, inputs=dict(inputs), outputs=outputs, said=said
        )
        write_atomically(self.path, _ALL.dump_json(self.done, indent=1) + b"\n")


def key_of(placed: Placed) -> str:
    return _digest(placed.step.kind, options_of(placed), inputs_of(placed))


def inputs_of(placed: Placed) -> dict[str, Seen | None]:
    return {str(path): seen(path) for path in placed.reads}


def options_of(placed: Placed) -> str:
    said: dict[str, Any] = {
        "options": placed.step.model_dump(mode="json"),
        "dataset": placed.at.dataset,
        "settings": dict(placed.step.settings(placed.at)),
        "version": __version__,
    }
    return json.dumps(said, sort_keys=True)


def _digest(kind: str, options: str, inputs: Mapping[str, Seen | None]) -> str:
    files = {path: each and each.sha256 for path, each in inputs.items()}
    return hashlib.sha256(json.dumps([kind, options, files], sort_keys=True).encode()).hexdigest()[:32]


def seen(path: Path, most: int | None = None) -> Seen | None:
    """Return how a file is now. most: only its first so many bytes. A folder counts by its files' names, sizes and times."""
    digest, size = hashlib.sha256(), 0
    try:
        if path.is_dir():
            for each in sorted(each for each in path.rglob("*") if each.is_file()):
                stat = each.stat()
                digest.update(f"{each.relative_to(path)}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode("utf-8", "replace"))
                size += stat.st_size
            return Seen(size=size, sha256=digest.hexdigest())
        with path.open("rb") as file:
            while block := file.read(_BLOCK if most is None else min(_BLOCK, most - size)):
                digest.update(block)
                size += len(block)
    except OSError:
        return None
    return Seen(size=size, sha256=digest.hexdigest())
