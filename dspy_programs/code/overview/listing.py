"""The files of a repository as a list of paths: what a program is told about a workspace."""

from itertools import islice
from pathlib import Path

from dspy_programs.code.files.source_files import LeftOut, checked_folder, source_files

_MOST = 20_000  # paths
_MOST_LOGS = 100


def listing_of(path: Path) -> str:
    """Return the paths of a folder's own files, one a line, and of its logs, which git often ignores. Raises UsageError."""
    folder = checked_folder(path)
    files = [file.path for file in islice(source_files(folder, LeftOut(), every=True), _MOST)]
    logs = (found for pattern in ("*.log", "log*/*.log", "log*/*/*.log", "var/log/*.log") for found in folder.glob(pattern))
    kept = [found.relative_to(folder).as_posix() for found in islice(logs, _MOST_LOGS) if found.is_file()]
    return "\n".join(dict.fromkeys([*files, *sorted(kept)]))
