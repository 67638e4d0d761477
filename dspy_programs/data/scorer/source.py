"""Which rows a command reads: a file in any format, standard input, the Hub, or a data set by its name."""

from collections.abc import Iterator
from pathlib import Path

from dspy_programs.data.folder import DataFolder
from dspy_programs.data.reading.sources import source_of
from dspy_programs.errors import UsageError
from dspy_programs.tables import STANDARD, Found, rows_and_faults

_HUB = "hf:"


def rows_of(given: str, folder: DataFolder) -> Iterator[Found]:
    """Yield the rows of a file, of "-", of hf:OWNER/NAME, or of the data set of that name in the folder.

    Raises UsageError for what is neither, DatasetError for a file that cannot be read as a whole.
    """
    path = path_of(given, folder)
    if path is None or path.is_dir():
        return source_of(given).rows()
    return rows_and_faults(path)  # also of a name that says no format, which `ingest` wants to be told


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
