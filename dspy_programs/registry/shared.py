"""Shared compiled programs: a folder, or a repository on the Hugging Face Hub. Data only, no code.

    dspy-programs.json       the program's name, and each file's model and SHA-256
    <lm>.json, <lm>.md       one compiled program and its card for each model

"hf:OWNER/NAME@REVISION" names a repository. At its first use, the commit and the manifest's bytes are pinned in the
user's directory; from then on the name resolves to those, or is refused.

Raises     CompiledProgramError in one line: no such place, changed bytes, nothing for the model in use.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import huggingface_hub
from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from dspy_programs.atomic_file import write_atomically
from dspy_programs.errors import CompiledMissing, CompiledProgramError
from dspy_programs.lm.weights import without_credentials
from dspy_programs.registry.compiled_store import LARGEST_FILE, Name, user_directory
from dspy_programs.text import shortened

HUB = "hf:"
MANIFEST = "dspy-programs.json"
_PINS = "shared.json"
_FORMAT = 1
_LONGEST_LIST = 1000  # characters
_REPOSITORY = re.compile(r"hf:(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")

_Snapshot = Callable[[str, str | None], tuple[str, Path]]
"""(repository, revision or None for the newest) -> (commit, folder with the files of that commit)."""


class SharedFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    lm: Name
    sha256: str


class Manifest(BaseModel):
    model_config = ConfigDict(extra="ignore")

    format: int
    program: Name
    files: dict[str, SharedFile]


class Pin(BaseModel):
    """What a name resolved to at its first use."""

    commit: str
    manifest_sha256: str


def is_shared(place: str) -> bool:
    """Return whether a text names a shared place. A folder without a manifest counts only if it is given as a path."""
    return place.startswith(HUB) or (Path(place) / MANIFEST).is_file() or (len(Path(place).parts) > 1 and Path(place).is_dir())


def program_in(place: str) -> str:
    """Return the name of the program shared at a place."""
    return _read_manifest(folder_of(place)).program


def shared_file(place: str, lm: str) -> Path:
    """Return the checked compiled JSON for a model. Raises CompiledMissing if there is none."""
    folder = folder_of(place)
    manifest = _read_manifest(folder)
    name = next((name for name, file in manifest.files.items() if file.lm == lm), None)
    if name is None:
        models = shortened(", ".join(sorted(file.lm for file in manifest.files.values())), _LONGEST_LIST) or "no model"
        raise CompiledMissing(f"{place}: {manifest.program} is not compiled for {lm} there, only for {models}")
    path = folder / name
    if Path(name).name != name or not name.isprintable() or digest_of(path) != manifest.files[name].sha256:
        raise CompiledProgramError(f"{path}: does not match {MANIFEST} next to it; fetch the folder again")
    return path


def _read_manifest(folder: Path) -> Manifest:
    if not (folder / MANIFEST).is_file():
        reason = f"has no {MANIFEST}; `python -m optimizers.export --to {folder}` writes one"
        raise CompiledProgramError(f"{folder}: {reason}")
    try:
        manifest = Manifest.model_validate_json(_content_of(folder / MANIFEST))
    except ValidationError as error:
        raise CompiledProgramError(f"{folder / MANIFEST}: {error.errors()[0]['msg']}") from error
    if manifest.format > _FORMAT:
        raise CompiledProgramError(
            f"{folder / MANIFEST}: written by a newer dspy-programs (format {manifest.format}); upgrade to use it"
        )
    return manifest


def write_manifest(folder: Path, program: str, files: Iterable[tuple[str, str]]) -> None:
    """Add files (name, model) of a program to a folder's manifest. Raises CompiledProgramError if it shares another program."""
    manifest = Manifest(format=_FORMAT, program=program, files={})
    if (folder / MANIFEST).is_file() and (manifest := _read_manifest(folder)).program != program:
        raise CompiledProgramError(f"{folder} already shares {manifest.program}; give {program} its own folder")
    for name, lm in files:
        manifest.files[name] = SharedFile(lm=lm, sha256=digest_of(folder / name))
    write_atomically(folder / MANIFEST, manifest.model_dump_json(indent=2) + "\n")


def folder_of(place: str, snapshot: _Snapshot | None = None) -> Path:
    """Return the local folder of a place, downloading it if it is on the Hub."""
    if not place.startswith(HUB):
        return Path(place)
    if not (named := _REPOSITORY.fullmatch(place)):
        raise CompiledProgramError(f"{place!r}: write hf:OWNER/NAME or hf:OWNER/NAME@REVISION")
    with FileLock(_pins_file().with_suffix(".lock")):
        return pinned(place, named["repo"], named["revision"], snapshot or _from_hub)


def pinned(place: str, repo: str, revision: str | None, snapshot: _Snapshot) -> Path:
    """Fetch what a name is pinned to, or pin what it resolves to now."""
    pins = read_pins()
    known = pins.get(place)
    commit, folder = snapshot(repo, known.commit if known else revision)
    now = Pin(commit=commit, manifest_sha256=digest_of(folder / MANIFEST))
    if known and known != now:
        raise CompiledProgramError(
            f"{place} has changed since its first use (commit {known.commit[:12]}). To use the current version, name its "
            f"commit: {HUB}{repo}@{commit}, or remove the line from {_pins_file()}"
        )
    if not known:
        write_atomically(
            _pins_file(), json.dumps({k: v.model_dump() for k, v in {**pins, place: now}.items()}, indent=2) + "\n"
        )
    return folder


def _from_hub(repo: str, revision: str | None) -> tuple[str, Path]:
    """Fetch manifest, compiled JSONs and cards; honours HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE."""
    try:
        folder = Path(huggingface_hub.snapshot_download(repo, revision=revision, allow_patterns=["*.json", "*.md"]))
    except Exception as error:  # the client and its transports raise many unrelated types
        raise CompiledProgramError(f"{HUB}{repo}: cannot be fetched: {without_credentials(error)}") from None
    return folder.name, folder


def newest(repo: str) -> Path | None:
    """Return a repository's current manifest, None if it has none. Raises what the client raises."""
    try:
        return Path(huggingface_hub.hf_hub_download(repo, MANIFEST))
    except huggingface_hub.errors.EntryNotFoundError:
        return None


def _pins_file() -> Path:
    path = user_directory() / _PINS
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def read_pins() -> dict[str, Pin]:
    try:
        found = json.loads(_pins_file().read_text(encoding="utf-8"))
        return {place: Pin.model_validate(pin) for place, pin in found.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError) as error:
        raise CompiledProgramError(f"{_pins_file()}: not a valid file of pins; fix it, or delete it to pin again") from error


def digest_of(path: Path) -> str:
    """Return a file's SHA-256. Raises CompiledProgramError as `_content_of` does."""
    return hashlib.sha256(_content_of(path)).hexdigest()


def _content_of(path: Path) -> bytes:
    """Read a whole file. Raises CompiledProgramError if it is not a file, unreadable or too large to be one of ours."""
    try:
        if not path.is_file():  # a device or a pipe never ends
            raise CompiledProgramError(f"{path}: no such file")
        if path.stat().st_size > LARGEST_FILE:
            raise CompiledProgramError(f"{path}: larger than {LARGEST_FILE:,} bytes; not a compiled program")
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise CompiledProgramError(f"{path}: cannot be read: {error}") from error
