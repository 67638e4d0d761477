"""Show what is in a folder, as a tree."""

from collections.abc import Iterator
from pathlib import Path

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
    yield f"{folder.name}/ ({quantity(_files_in(top), 'file')})"
    yield from _shown(top, depth, "  ")


def _shown(branch: _Branch, depth: int, indent: str) -> Iterator[str]:
    for name, inner in sorted(branch.items(), key=lambda one: (not isinstance(one[1], dict), one[0])):
        if isinstance(inner, dict):
            yield f"{indent}{name}/ ({quantity(_files_in(inner), 'file')})"
            if depth > 1:
                yield from _shown(inner, depth - 1, indent + "  ")
        else:
            yield f"{indent}{name} ({quantity(inner, 'byte')})"


def _files_in(branch: _Branch) -> int:
    return sum(_files_in(inner) if isinstance(inner, dict) else 1 for inner in branch.values())
