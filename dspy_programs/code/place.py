"""Where the index of a folder is kept: outside of the folder, one file each."""

import hashlib
import os
from pathlib import Path

import platformdirs

FOLDER_VARIABLE = "DSPY_PROGRAMS_CODE"  # moves the indexes
_LONGEST = 40  # characters of the folder's own name


def index_file(folder: Path) -> Path:
    """Return the index of a folder, given by its real path: the folder's name and a digest of its path."""
    moved = os.environ.get(FOLDER_VARIABLE)
    kept = Path(moved).expanduser() if moved else platformdirs.user_cache_path("dspy-programs") / "code"
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return kept / f"{folder.name[:_LONGEST]}-{digest}.sqlite"
