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
    own = (found for found in logs if found.is_file() and not _is_behind_a_link(folder, found))
    kept = [found.relative_to(folder).as_posix() for found in islice(own, _MOST_LOGS)]
    return "\n".join(dict.fromkeys([*files, *sorted(kept)]))


def _is_behind_a_link(folder: Path, path: Path) -> bool:
    """Return whether a path is a link, or leads through one: it may be anywhere then."""
    return path.is_symlink() or any(above.is_symlink() for above in path.parents if above != folder and folder in above.parents)
