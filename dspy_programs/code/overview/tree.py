"""Show what is in a folder, as a tree."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dspy_programs.code.files.source_files import LeftOut, checked_folder, source_files
from dspy_programs.text import quantity

_DEEPEST = 100  # folders inside each other that are opened
_Branch = dict[str, "_Branch | int"]


def tree_of(path: str | Path = ".", depth: int = 2, hidden: bool = False, left_out: LeftOut | None = None) -> Iterator[str]:
    """Yield the lines of the tree: folders first, each with the number of files in it.

    Args:
        path: A folder.
        depth: How many folders inside each other are opened, 100 at most.
        hidden: Also names that begin with a dot.
        left_out: Is told why files are not shown, and how many.
    """
    folder, top = _read(path, depth, hidden, left_out)
    yield f"{folder.name}/ ({quantity(_files_in(top), 'file')})"
    yield from _shown(top, min(depth, _DEEPEST), "  ")


def tree_as_data(path: str | Path = ".", depth: int = 2, hidden: bool = False) -> dict[str, Any]:
    """Return the tree as JSON: {name, files, inside} for a folder, {name, bytes} for a file. Arguments: as of tree_of."""
    folder, top = _read(path, depth, hidden, None)
    return _as_data(folder.name, top, min(depth, _DEEPEST))


def _read(path: str | Path, depth: int, hidden: bool, left_out: LeftOut | None) -> tuple[Path, _Branch]:
    folder, depth = checked_folder(Path(path)), min(depth, _DEEPEST)
    top: _Branch = {}
    for found in source_files(folder, LeftOut() if left_out is None else left_out, hidden=hidden, every=True):
        *folders, name = found.path.split("/")
        branch = top
        for each in folders[:depth]:
            inner = branch.setdefault(each, {})
            assert isinstance(inner, dict)  # a folder and a file have no name in common
            branch = inner
        branch[name if len(folders) < depth else found.path] = found.size  # a deeper one is only counted
    return folder, top


def _as_data(name: str, branch: _Branch, depth: int) -> dict[str, Any]:
    """Return a folder as JSON; what is in one that is not opened is left out."""
    inside = [
        _as_data(each, inner, depth - 1) if isinstance(inner, dict) else {"name": each, "bytes": inner}
        for each, inner in _ordered(branch)
    ]
    return {"name": f"{name}/", "files": _files_in(branch), **({"inside": inside} if depth else {})}


def _ordered(branch: _Branch) -> "list[tuple[str, _Branch | int]]":
    """Return what is in a folder, the folders first."""
    return sorted(branch.items(), key=lambda one: (not isinstance(one[1], dict), one[0]))


def _shown(branch: _Branch, depth: int, indent: str) -> Iterator[str]:
    for name, inner in _ordered(branch):
        if isinstance(inner, dict):
            yield f"{indent}{name}/ ({quantity(_files_in(inner), 'file')})"
            if depth > 1:
                yield from _shown(inner, depth - 1, indent + "  ")
        else:
            yield f"{indent}{name} ({quantity(inner, 'byte')})"


def _files_in(branch: _Branch) -> int:
    return sum(_files_in(inner) if isinstance(inner, dict) else 1 for inner in branch.values())
