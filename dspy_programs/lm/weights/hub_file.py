"""A GGUF file from any Hugging Face repository as a model: `local/hf:OWNER/REPO/FILE.gguf`, optionally `@REVISION`.

The file is not known beforehand, so the first download pins it: commit and SHA-256 are recorded, and from then on only these
bytes are accepted, even if the repository or the cached file has changed since.

Guarantees the pin is on disk before the file gets its name; only chat models are pinned.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dspy_programs.atomic_file import write_atomically
from dspy_programs.errors import LanguageModelError, WeightsError
from dspy_programs.lm.weights.cache import CACHE_VARIABLE, alone, cache_directory, keep, notes_directory, require_room
from dspy_programs.lm.weights.gguf import chat_model
from dspy_programs.lm.weights.hashes import sha256_of
from dspy_programs.lm.weights.hub import hub_download, hub_errors, hub_head
from dspy_programs.lm.weights.messages import say

PREFIX = "hf:"
NAME = re.compile(
    r"hf:(?P<repo>\w[\w.-]*/\w[\w.-]*)/(?P<file>(?:[^/@\\\x00-\x1f]+/)*[^/@\\\x00-\x1f]+\.(?i:gguf))"
    r"(?:@(?P<revision>\w[\w./-]*))?",
    re.ASCII,
)


class Pin(BaseModel):
    """What the first download gave."""

    model_config = ConfigDict(extra="forbid")

    repo: str
    file: str
    revision: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size: int


@dataclass(frozen=True)
class HubFile:
    repo: str
    hub_file: str
    revision: str | None = None

    @property
    def id(self) -> str:
        return f"{PREFIX}{self.repo}/{self.hub_file}" + (f"@{self.revision}" if self.revision else "")

    @property
    def file(self) -> str:
        return self.hub_file.rpartition("/")[2]

    @property
    def place(self) -> Path:
        """Where its file is kept. Two names never share a file: the digits of similar names differ."""
        digits = hashlib.sha256(self.id.encode()).hexdigest()[:8]
        return cache_directory() / "hub" / f"{digits}-{self.file}"

    @property
    def pin(self) -> Path:
        return self.place.with_name(f"{self.place.name}.json")


def hub_file(name: str) -> HubFile:
    """Read `hf:OWNER/REPO/FILE.gguf` or `hf:OWNER/REPO/FILE.gguf@REVISION`. Raises LanguageModelError if it is neither."""
    found = NAME.fullmatch(name)
    if not found or ".." in found["file"].split("/"):
        raise LanguageModelError(
            f"'local/{name}' is not a file on the Hub: write local/hf:OWNER/REPO/FILE.gguf, or ...@REVISION"
        )
    return HubFile(found["repo"], found["file"], found["revision"])


def fetch_pinned(
    model: HubFile,
    progress: bool = True,
    *,
    free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
) -> tuple[Path, Pin]:
    """Return the file and its pin: from the cache, else from the Hub.

    Raises     WeightsError if it is not a chat model, has other bytes than the first time, or is unavailable.
    """
    try:
        with alone(_make_room_for(model.place), progress):
            pin = _read_pin(model)
            if pin is None or not model.place.is_file():
                return model.place, bring(model, pin, progress, free_bytes)
            if (found := sha256_of(model.place, notes_directory())) != pin.sha256:
                raise WeightsError(f"{model.place}: {differs(found, pin)}; delete the file to download it again")
            return model.place, pin
    except OSError as error:
        where = f"{error.filename or model.place.parent}: {error.strerror or error}"
        raise WeightsError(f"{where}; set {CACHE_VARIABLE} to move the cache") from error


def _make_room_for(place: Path) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _read_pin(model: HubFile) -> Pin | None:
    try:
        return Pin.model_validate_json(model.pin.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise WeightsError(f"{model.pin}: damaged; delete it and {model.place} to download {model.id} again") from error


def bring(model: HubFile, pin: Pin | None, progress: bool, free_bytes: Callable[[Path], int]) -> Pin:
    """Download what was pinned, or what the Hub has now and pin it."""
    part = model.place.with_name(f"{model.place.name}.part")
    try:
        revision = download(model, pin, part, progress, free_bytes)
        found = pinned(model, part, revision)
        refuse_other(model, pin, found.sha256)
        if pin is None:
            write_atomically(model.pin, json.dumps(found.model_dump(), indent=2) + "\n")
        keep(part, model.place, found.sha256)
    finally:
        part.unlink(missing_ok=True)
    say(f"{model.id}: {'as before' if pin else 'pinned'}, SHA-256 {found.sha256}", progress)
    return pin or found


def download(model: HubFile, pin: Pin | None, part: Path, progress: bool, free_bytes: Callable[[Path], int]) -> str:
    """Download the file and return its commit. A large file's etag is its SHA-256: wrong bytes are refused beforehand."""
    with hub_errors(f"{model.id} could not be fetched: "):
        head = hub_head(model.repo, model.hub_file, pin.revision if pin else model.revision)
    revision = head.commit_hash or model.revision or "main"
    if re.fullmatch("[0-9a-f]{64}", head.etag or ""):
        refuse_other(model, pin, str(head.etag))
    require_room(model.id, head.size or 0, part.parent, free_bytes)
    say(f"Fetching {model.id}, {(head.size or 0) / 1e6:,.0f} MB, from the Hub into {part.parent}", progress)
    with hub_errors(f"{model.id} could not be fetched: "):
        hub_download(model.repo, model.hub_file, revision, part, progress)
    return revision


def refuse_other(model: HubFile, pin: Pin | None, found: str) -> None:
    if pin and found != pin.sha256:
        raise WeightsError(
            f"{model.id}: the Hub has a different file now, {differs(found, pin)}; delete {model.pin} to accept it"
        )


def differs(found: str, pin: Pin) -> str:
    return f"SHA-256 {found}, but {pin.sha256} is pinned"


def pinned(model: HubFile, part: Path, revision: str) -> Pin:
    """Return the pin of a downloaded file. Raises WeightsError if it is not a chat model."""
    try:
        size = chat_model(part, model.file).size
    except WeightsError as error:
        raise WeightsError(f"{model.id}{str(error).removeprefix(str(part))}") from None
    return Pin(repo=model.repo, file=model.hub_file, revision=revision, sha256=sha256_of(part, None), size=size)
