"""Where the index of a folder, what undoes its changes, and the events of logs are kept: outside of the folder, a file each."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs

FOLDER_VARIABLE = "DSPY_PROGRAMS_CODE"  # moves them all
_LONGEST = 40  # characters of the folder's own name


def index_file(folder: Path) -> Path:
    """Return the index of a folder, given by its real path: the folder's name and a digest of its path."""
    return _kept(platformdirs.user_cache_path("dspy-programs")) / f"{_name(folder)}.sqlite"


def changes_file(folder: Path) -> Path:
    """Return the file that holds what was changed in a folder, given by its real path."""
    return _kept(platformdirs.user_data_path("dspy-programs")) / f"{_name(folder)}.changes.sqlite"


def events_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the file that holds the events of the user's logs."""
    return _kept(platformdirs.user_cache_path("dspy-programs"), environment) / "log_events.sqlite"


def _kept(default: Path, environment: Mapping[str, str] = os.environ) -> Path:
    moved = environment.get(FOLDER_VARIABLE)
    return Path(moved).expanduser() if moved else default / "code"


def _name(folder: Path) -> str:
    return f"{folder.name[:_LONGEST]}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"
