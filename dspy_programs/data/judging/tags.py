"""Which file of judgments is meant: by its path, or by the tag that `judge` was given."""

from pathlib import Path
from typing import NamedTuple

from dspy_programs.data.folder import DataFolder
from dspy_programs.errors import UsageError

_MOST_NAMED = 12


class Tagged(NamedTuple):
    path: Path
    tag: str


def judgments_at(folder: DataFolder, name: str, given: str) -> Tagged:
    """Return the file that is named by its path, or by its tag. Raises UsageError that says which tags there are."""
    if (path := Path(given)).is_file():
        return Tagged(path, path.stem.removeprefix(f"{name}."))
    if (path := folder.judgments(name, given)).is_file():
        return Tagged(path, given)
    raise UsageError(f"no judgments of {name!r} under the tag {given!r}, nor a file of that name; {there(folder, name)}")


def tags_of(folder: DataFolder, name: str) -> list[str]:
    """Return the tags of all judgments of a data set."""
    files = folder.judgments(name, "x").parent.glob(f"{name}.*.jsonl")
    tags = (path.name.removeprefix(f"{name}.").removesuffix(".jsonl") for path in files)
    return sorted(tag for tag in tags if not _is_anothers(folder, name, tag))


def there(folder: DataFolder, name: str) -> str:
    """Say which tags there are, or how to make one. Raises UsageError if there is no such data set either."""
    tags = tags_of(folder, name)
    if not tags:
        folder.existing(name)
    named = ", ".join(tags[:_MOST_NAMED])
    return f"there are: {named}" if tags else f"make some: dspy-programs data judge -d {name} --tag TAG"


def _is_anothers(folder: DataFolder, name: str, tag: str) -> bool:
    """Return whether "a.b.j.jsonl" is of a data set "a.b" rather than of "a"."""
    parts = tag.split(".")
    return any(folder.pairs(".".join([name, *parts[:count]])).is_file() for count in range(1, len(parts)))
