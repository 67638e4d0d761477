"""Where the index of a folder and what undoes its changes are kept: outside of the folder, one file each."""

import hashlib
import os
from pathlib import Path

import platformdirs

FOLDER_VARIABLE = "DSPY_PROGRAMS_CODE"  # moves both
_LONGEST = 40  # characters of the folder's own name


def index_file(folder: Path) -> Path:
    """Return the index of a folder, given by its real path: the folder's name and a digest of its path."""
    return _kept(platformdirs.user_cache_path("dspy-programs")) / f"{_name(folder)}.sqlite"


def changes_file(folder: Path) -> Path:
    """Return the file that holds what was changed in a folder, given by its real path."""
    return _kept(platformdirs.user_data_path("dspy-programs")) / f"{_name(folder)}.changes.sqlite"


def _kept(default: Path) -> Path:
    moved = os.environ.get(FOLDER_VARIABLE)
    return Path(moved).expanduser() if moved else default / "code"


def _name(folder: Path) -> str:
    return f"{folder.name[:_LONGEST]}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"
