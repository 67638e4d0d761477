"""Which rows a command reads: a file in any format, standard input, the Hub, or a data set by its name."""

from collections.abc import Iterator
from pathlib import Path

from dspy_programs.data.folder import DataFolder
from dspy_programs.errors import UsageError
from dspy_programs.tables import STANDARD, Found, is_saved, rows_and_faults, saved_or_hub

_HUB = "hf:"


def rows_of(given: str, folder: DataFolder) -> Iterator[Found]:
    """Yield the rows of a file, of "-", of hf:OWNER/NAME, or of the data set of that name in the folder.

    Raises UsageError for what is neither, DatasetError for a file that cannot be read as a whole.
    """
    path = path_of(given, folder)
    if path is None:
        return (
            rows_and_faults(STANDARD) if given == str(STANDARD) else saved_or_hub(_HUB + given.removeprefix(_HUB).lstrip("/"))
        )
    if path.is_dir():
        if not is_saved(path):
            raise UsageError(f"{given}: a folder; give one file with rows, or a folder that `save_to_disk` made")
        return saved_or_hub(str(path))
    return rows_and_faults(path)


def path_of(given: str, folder: DataFolder) -> Path | None:
    """Return the file that rows come from; None if there is none. Raises UsageError."""
    if given.startswith(_HUB) or given == str(STANDARD):
        return None
    path = Path(given)
    if path.exists() or path.is_symlink():
        return path
    if "/" in given or path.suffix:
        raise UsageError(f"{given}: no such file")
    return folder.existing(given)
